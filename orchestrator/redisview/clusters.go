package redisview

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/amends-io/amends/orchestrator"
)

// termsScript returns the terms of failures from ARGV[1] to ARGV[2], one for
// each definition, version and cluster, by a jump from each to the next.
var termsScript = newScript(`
local terms, from = {}, ARGV[1]
while #terms < tonumber(ARGV[3]) do
  local member = redis.call('ZRANGE', KEYS[4], from, ARGV[2], 'BYLEX', 'LIMIT', 0, 1)[1]
  if not member then break end
  local term = string.match(member, '^e|[^|]*|[^|]*|[^|]*|')
  if not term then return redis.error_reply('index entry ' .. member .. ' is damaged, forget the view') end
  terms[#terms + 1] = term
  from = '[' .. term .. 'g'
end
return terms
`)

// termsAtOnce is how many terms one script looks for.
const termsAtOnce = 100

// Clusters counts entries of the index. What a cluster is called, a row of it
// says.
func (p *partition) Clusters(ctx context.Context, q orchestrator.ClusterQuery) (orchestrator.Clusters, error) {
	found, err := p.clusters(ctx, q)
	if err != nil {
		return orchestrator.Clusters{}, fmt.Errorf("find clusters in the view: %w", err)
	}
	return found, nil
}

func (p *partition) clusters(ctx context.Context, q orchestrator.ClusterQuery) (all orchestrator.Clusters, err error) {
	prefix := failures
	if q.Definition != "" {
		prefix += escape(q.Definition) + "|"
		if q.Version != 0 {
			prefix += strconv.Itoa(q.Version) + "|"
		}
	}
	terms, complete, err := p.terms(ctx, prefix)
	if err != nil {
		return all, err
	}
	if !complete {
		if all.Unsorted, err = p.unsorted(ctx, prefix, terms); err != nil {
			return all, err
		}
	}
	if q.Version != 0 {
		terms = slices.DeleteFunc(terms, func(term string) bool { return versionOf(term) != q.Version })
	}
	clusters, err := p.describe(ctx, q, terms)
	if err != nil {
		return all, err
	}
	for _, c := range clusters {
		all.Failures += c.Count
	}
	all.Failures += all.Unsorted
	all.Clusters = orchestrator.JoinClusters(clusters)
	return all, nil
}

// versionOf returns the version in a term.
func versionOf(term string) int {
	n, _ := strconv.Atoi(strings.Split(term, "|")[2]) // 0 is nobody's
	return n
}

// terms returns the terms that begin with prefix. Where there are more than
// MaxClusters, it returns those of them that have many entries: each that has
// a share of at least one in MaxClusters.
func (p *partition) terms(ctx context.Context, prefix string) (terms []string, complete bool, err error) {
	for from := "[" + prefix; len(terms) < orchestrator.MaxClusters; {
		found, err := p.run(ctx, termsScript, append(make([]any, scriptArgs), from, "("+prefix+"}", termsAtOnce)).StringSlice()
		if err != nil {
			return nil, false, err
		}
		terms = append(terms, found...)
		if len(found) < termsAtOnce {
			return terms, true, nil
		}
		from = "[" + found[len(found)-1] + "g"
	}
	many, err := p.frequent(ctx, prefix)
	for _, term := range terms {
		if len(many) == orchestrator.MaxClusters {
			break
		}
		if !slices.Contains(many, term) {
			many = append(many, term)
		}
	}
	return many, false, err
}

// frequent looks at entries at equal distances: they are ordered by term, so a
// term with more entries than the distance is met.
func (p *partition) frequent(ctx context.Context, prefix string) (terms []string, err error) {
	answers, err := p.read(ctx, command{"ZLEXCOUNT", indexKey, []any{"-", "(" + prefix}},
		command{"ZLEXCOUNT", indexKey, []any{"[" + prefix, "(" + prefix + "}"}})
	if err != nil {
		return nil, err
	}
	first, total := number(answers[0]), number(answers[1])
	var commands []command
	for i := range int64(orchestrator.MaxClusters) {
		at := first + total*i/orchestrator.MaxClusters
		commands = append(commands, command{"ZRANGE", indexKey, []any{at, at}})
	}
	answers, err = p.readMany(ctx, commands)
	if err != nil {
		return nil, err
	}
	for _, answer := range answers {
		for _, member := range texts(answer) {
			// The index may have moved on meanwhile.
			parts := strings.SplitAfterN(member, "|", 5)
			if strings.HasPrefix(member, prefix) && len(parts) == 5 {
				terms = append(terms, strings.Join(parts[:4], ""))
			}
		}
	}
	return slices.Compact(terms), nil
}

// unsorted returns how many entries of prefix belong to none of terms.
func (p *partition) unsorted(ctx context.Context, prefix string, terms []string) (int, error) {
	counts, err := p.count(ctx, append([]string{prefix}, terms...), places{"", "}"})
	if err != nil {
		return 0, err
	}
	rest := counts[0]
	for _, n := range counts[1:] {
		rest -= n
	}
	return int(max(rest, 0)), nil
}

// describe returns a cluster for each term that has entries at the time that q
// asks for.
func (p *partition) describe(ctx context.Context, q orchestrator.ClusterQuery, terms []string) (clusters []orchestrator.Cluster, err error) {
	b := placesBetween(q.From, q.To)
	var commands []command
	for _, term := range terms {
		from, below := "["+term+b.from, "("+term+b.below
		commands = append(commands, command{"ZLEXCOUNT", indexKey, []any{from, below}},
			command{"ZRANGE", indexKey, []any{from, below, "BYLEX", "LIMIT", 0, 1}},
			command{"ZRANGE", indexKey, []any{below, from, "BYLEX", "REV", "LIMIT", 0, orchestrator.ClusterSamples}})
	}
	answers, err := p.readMany(ctx, commands)
	if err != nil {
		return nil, err
	}
	var kept []string
	for i, term := range terms {
		c := orchestrator.Cluster{Count: int(number(answers[3*i])), Versions: []int{versionOf(term)}}
		first, last := texts(answers[3*i+1]), texts(answers[3*i+2])
		if c.Count == 0 || len(first) == 0 || len(last) == 0 {
			continue // none at that time, or none any more
		}
		if c.First, err = timeAt(first[0][len(term):]); err != nil {
			return nil, err
		}
		if c.Last, err = timeAt(last[0][len(term):]); err != nil {
			return nil, err
		}
		for _, member := range last {
			c.Sagas = append(c.Sagas, member[min(len(member), len(term)+timeDigits):])
		}
		clusters, kept = append(clusters, c), append(kept, term)
	}
	if clusters, kept, err = p.name(ctx, q, clusters, kept); err != nil {
		return nil, err
	}
	return clusters, p.buckets(ctx, q, clusters, kept)
}

// name has rows say what their clusters are called. Where no row belongs to
// its cluster any more, the cluster is gone.
func (p *partition) name(ctx context.Context, q orchestrator.ClusterQuery, clusters []orchestrator.Cluster, terms []string) (named []orchestrator.Cluster, kept []string, err error) {
	var ids []string
	for _, c := range clusters {
		ids = append(ids, c.Sagas...)
	}
	states, err := p.States(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range clusters {
		id := strings.Split(terms[i], "|")[3]
		for _, saga := range c.Sagas {
			s := states[saga]
			f, ok := s.Failure()
			if !ok || orchestrator.ClusterID(s.Definition, f) != id {
				continue
			}
			if q.Step == "" || q.Step == f.Step {
				c.ID, c.Definition, c.Step, c.Direction = id, s.Definition, f.Step, f.Direction
				c.Error = orchestrator.NormalError(f.Reason)
				named, kept = append(named, c), append(kept, terms[i])
			}
			break
		}
	}
	return named, kept, nil
}

// buckets counts the entries of each cluster between each two edges.
func (p *partition) buckets(ctx context.Context, q orchestrator.ClusterQuery, clusters []orchestrator.Cluster, terms []string) error {
	edges := q.Edges()
	if len(edges) == 0 {
		return nil
	}
	var commands []command
	for _, term := range terms {
		for i := range q.Buckets {
			b := placesBetween(edges[i], edges[i+1])
			commands = append(commands, command{"ZLEXCOUNT", indexKey, []any{"[" + term + b.from, "(" + term + b.below}})
		}
	}
	answers, err := p.readMany(ctx, commands)
	if err != nil {
		return err
	}
	for i := range clusters {
		for _, answer := range answers[i*q.Buckets : (i+1)*q.Buckets] {
			clusters[i].Buckets = append(clusters[i].Buckets, int(number(answer)))
		}
	}
	return nil
}

// readMany returns the answers to commands, a piece of them as of one time.
func (p *partition) readMany(ctx context.Context, commands []command) (answers []any, err error) {
	for chunk := range slices.Chunk(commands, commandsAtOnce) {
		some, err := p.read(ctx, chunk...)
		if err != nil {
			return nil, err
		}
		answers = append(answers, some...)
	}
	return answers, nil
}
