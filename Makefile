# make runs every check, as CI does; make help lists the parts. What a check
# does, and with which version of which tool, is in .ci/run.

CHECKS := deps test race explore vet asyncvet fmt tidy lint api examples modules
BENCH  ?= .
COUNT  ?= 1
FOR    ?= 1m
SEED   ?= 1

.PHONY: all help bench bench-quick bench-check micro planted planted-vet hunt soak cover update format $(CHECKS)

all:
	@bash .ci/run

$(CHECKS):
	@bash .ci/run $@

help:
	@echo 'make            every check, as CI does'
	@echo 'make deps       download and verify what is required'
	@echo 'make test       go test ./...'
	@echo 'make race       the same under the race detector'
	@echo 'make explore    every schedule of the scenarios, up to a bound'
	@echo 'make vet        go vet'
	@echo 'make asyncvet   what the compiler cannot say: docs/vet.md'
	@echo 'make fmt        is everything formatted?'
	@echo 'make tidy       is go.mod tidy?'
	@echo 'make lint       golangci-lint with .golangci.yml'
	@echo 'make api        the exported surface, the files and what they import, what is compiled'
	@echo 'make examples   run the examples'
	@echo 'make modules    test the modules in folders of this one'
	@echo
	@echo 'make bench      everything beside its rivals, docs/performance.md and README'
	@echo 'make bench-quick   a look at it in a few minutes, without the page'
	@echo 'make bench-check   every case once, allocations, bytes and gross ratios, as CI does'
	@echo 'make micro      benchmarks of the package; BENCH=regexp, COUNT=n'
	@echo 'make planted    plant bugs in a copy and require a test to fail for each'
	@echo 'make planted-vet   plant faults in programs and require asyncvet to find each'
	@echo 'make hunt       random programs, then every pair of operations; FOR=1m for each, SEED=n'
	@echo 'make soak       three quarters of an hour of everything, by hand'
	@echo 'make cover      test coverage by function'
	@echo 'make update     rewrite api/async.txt from the source'
	@echo 'make format     gofmt -w'

bench:
	cd bench && go run ./cmd/page -docs ../docs

bench-quick:
	cd bench && go run ./cmd/page -quick

bench-check:
	@bash .ci/run bench

micro:
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) .

planted:
	cd verify && go run ./cmd/planted

planted-vet:
	cd cmd/asyncvet && go test -count=1 -v -run Planted ./internal/planted

hunt:
	cd verify && go test -tags asyncexplore -v -timeout 0 ./hunt -run '^TestHunt(Pairs|Large|Lives)?$$' -hunt.for $(FOR) -hunt.seed $(SEED)

soak:
	cd verify && go run ./cmd/soak

cover:
	go test -coverprofile cover.out .
	go tool cover -func cover.out

update:
	go test ./test/repo -run '^TestAPI$$' -update

format:
	gofmt -w .
