# make help lists what there is. CI runs 'make test', so that local and CI cannot differ.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GO          ?= go
OLDEST      ?= v2.14.9
FUZZTIME    ?= 30s

.PHONY: help test tools browser vet lint golangci race ui screenshots bench-ui check-js demo crash smoke oldest chaos fuzz mutants bench bench-peers bench-million microbench tidy

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

test: tools browser vet lint race ui demo crash smoke ## everything that must hold: what CI runs

tools: ## install what the tests need: a real redis-server
	@sh ./internal/tools.sh

browser: ## install what the tests of the UI need: Chromium
	@sh ./internal/tools.sh browser

vet: ## go vet, gofmt
	$(GO) vet ./...
	cd internal/browsertest && $(GO) vet ./...
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

lint: ## staticcheck; the borders between packages are kept by a test in internal/rules
	$(GO) run $(STATICCHECK) ./...

golangci: ## golangci-lint as well: what it sees beyond that
	$(GO) run $(GOLANGCI) run ./...

race: ## all tests with the race detector
	@command -v python3 >/dev/null 2>&1 || echo "THE PARTICIPANT IN PYTHON IS NOT TESTED: there is no python3. With AMENDS_PYTHON=required that is an error."
	$(GO) test -race -timeout 20m ./...

ui: ## the pages in a headless Chromium; what they look like is in internal/browsertest/pictures
	cd internal/browsertest && AMENDS_BROWSER=required $(GO) test -count 1 -timeout 10m .
	@if command -v node >/dev/null 2>&1; then node --test orchestrator/console/ui/testdata/model.test.js >/dev/null; fi

check-js: ## the types of the pages, by TypeScript; needs Node and the npm registry, and 'make test' does not
	@sh orchestrator/console/ui/check.sh

screenshots: ## the pictures of README and docs, made anew
	cd internal/browsertest && AMENDS_BROWSER=required AMENDS_PICTURES=$(CURDIR)/docs/images $(GO) test -count 1 -run TestPicturesOfTheDocuments .

demo: ## the demo on real orders, to its end
	$(GO) run ./cmd/amends demo --exit

crash: ## the demo, its orchestrator killed and restarted three times on the way
	$(GO) run ./cmd/amends demo --exit --crash 3 --orders 3000

smoke: ## the demo on a real nats-server and redis-server, configured as in deploy
	@GO='$(GO)' sh ./deploy/smoke.sh

oldest: ## the tests against the oldest nats-server that is supported
	@dir=$$(mktemp -d) && trap 'rm -r "$$dir"' EXIT && cp go.mod go.sum "$$dir" && \
	$(GO) get -modfile "$$dir/go.mod" github.com/nats-io/nats-server/v2@$(OLDEST) && \
	$(GO) test -modfile "$$dir/go.mod" -timeout 20m ./...

chaos: ## the demo on three nats-servers that are killed and stand still, and more; SEED=n for the same again
	@GO='$(GO)' sh ./deploy/chaos.sh

fuzz: ## each fuzz test for $(FUZZTIME)
	@for pkg in $$($(GO) list ./...); do \
	  for name in $$($(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$name in $$pkg"; $(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

mutants: ## break one rule at a time, and see its test fail
	$(GO) run ./internal/mutants

bench: ## what sagas cost, every part a process of its own: the figures of docs/benchmarks.md
	$(GO) run ./cmd/amends bench --barrier

# The other system is a module of its own, with some seventy others below it, so
# 'make test' neither downloads nor vets it: 'go test' in its directory does.
bench-peers: tools ## what sagas cost in Amends and in DTM, by turns in one run, as ratios
	$(GO) run ./cmd/amends/internal/benchpeers

bench-million: ## a million sagas kept: lists, memory, rebuild; SAGAS=10000 for fewer
	SAGAS=$(or $(SAGAS),1000000) cmd/amends/internal/generate/million.sh

bench-ui: ## what a page of a long saga and an idle page cost
	cd internal/browsertest && AMENDS_BROWSER=required $(GO) test -run '^$$' -bench BenchmarkUI -benchtime 1x .

microbench: ## Go benchmarks of the core, the loop and the adapters
	$(GO) test -run '^$$' -bench . -benchmem ./...

tidy: ## go mod tidy
	$(GO) mod tidy
	cd internal/browsertest && $(GO) mod tidy
	cd cmd/amends/internal/benchpeers/dtm && $(GO) mod tidy
