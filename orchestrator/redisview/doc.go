// Package redisview keeps the orchestrator's view in Redis, where it can be
// thrown away at any time: everything in it is rebuilt from the journal.
//
// # Keys
//
// Each partition p has four keys in one hash slot, whatever their number:
//
//	amends:{p}:meta    hash  generation, revision, write, to, stamp, sizes, layout
//	amends:{p}:rows    hash  saga id -> its state, as JSON
//	amends:{p}:timers  zset  saga id, scored with its next timer in Unix ms
//	amends:{p}:index   zset  members of equal score, ordered as bytes
//
// The index has one member for each way in which lists look for a row. A
// member is a term, the start's time as 16 hex digits, and the saga's id, so
// that a range of one term, read backwards, is a list: newest start first.
//
//	a|<time><id>                              every row
//	c|<definition>|<version>|<status>|…       one each; a list of one status reads several ranges
//	t|<tag key>|<tag value>|…                 one for each tag
//	u|…  p|…                                  suspended and parked rows
//	k|<definition>|<version>|<status>         which c ranges there may be
//
// A saga that simply completes has only these. What else a row has follows
// from a failure, so that none of it is touched on the way there:
//
//	r|…                                       an attempt comes after one that did not succeed
//	s|<step>|…                                it failed at this step, or is stuck with it under way
//	f|<cluster>|…                             it failed in this way
//	w|<since>…                                it is stuck since then, ordered by that
//	e|<definition>|<version>|<cluster>|<since><id>  a failure, ordered by when it was
//
// Nor does it have these, one for each request that a person made of it:
//
//	o|<decided><link><id>                     newest first, as an audit has them
//
// A cluster is thus counted by its entries, whatever the number of sagas, and
// gone with the last of them. Which there are is found by a jump from each to
// the next; where there are too many, entries at equal distances show those of
// many sagas.
//
// A list walks the narrowest range that has all it asks for, in rounds of
// short commands. It ends early, with a cursor, when it has read much and found
// little, or when its rows have large payloads: a page takes bounded work, however
// many rows there are.
//
// In user text "|" and "%" are written as %7C and %25, and long text is cut and
// ends with its hash; a row that is read is compared with the query anyway.
//
// # What is noticed
//
// A write is one script, which is refused unless the generation is the one
// exchanged last, the revision the one that follows, and the sizes of rows,
// timers and index those that the last write left. So FLUSHALL, a stale
// replica, a zombie's write, and the loss of a key or of a single member are
// all noticed, at the latest by the next write. A write that is sent twice,
// because its answer was lost, is stored once and succeeds.
//
// # Servers
//
// Redis 7.0 or later, or Valkey; no modules. Cluster and Sentinel work, reads
// come from masters only. The eviction policy must not be one of allkeys-*:
// Redis would drop rows silently. The volatile-* policies do no harm, as no
// key here expires.
//
// A user with the least rights, where the prefix is the default one:
//
//	ACL SETUSER amends on >secret resetkeys ~amends:* resetchannels -@all
//	  +eval +evalsha +hmget +hset +hdel +hlen
//	  +zadd +zrem +zcard +zrange +zlexcount +zmscore
//	  +unlink +ping +client|setname
//	  +info +config|get
//
// INFO and CONFIG GET may be left out; then version and eviction policy are not
// checked. A cluster also needs +cluster|slots +command.
package redisview
