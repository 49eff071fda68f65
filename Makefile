# make runs every check, as CI does; make help lists the parts. What a check does, and
# with which version of which tool, is in .ci/run. The lines that begin with #: are what
# make help prints; those of the checks stand in .ci/run, above each step.

CHECKS := $(shell sed -n 's/^\#: \([a-z]*\).*/\1/p' .ci/run)
BENCH  ?= .
COUNT  ?= 1
FOR    ?= 1m
SEED   ?= 1

.PHONY: all help bench bench-quick bench-check micro planted planted-vet hunt soak cover pictures update format $(CHECKS)

all:
	@bash .ci/run

help:
	@echo 'make              every check, as CI does'
	@sed -n 's/^#: /make /p' .ci/run
	@echo
	@sed -n 's/^#: /make /p' Makefile

$(CHECKS):
	@bash .ci/run $@

#: bench        everything beside its rivals, docs/performance.md and README
bench:
	cd bench && go run ./cmd/page -docs ../docs

#: bench-quick  a look at it in a few minutes, without the page
bench-quick:
	cd bench && go run ./cmd/page -quick

#: bench-check  every case once, allocations, bytes and gross ratios, as CI does
bench-check:
	@bash .ci/run bench

#: micro        benchmarks of the package; BENCH=regexp, COUNT=n
micro:
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) .

#: planted      plant bugs in a copy and require a test to fail for each
planted:
	cd verify && go run ./cmd/planted

#: planted-vet  plant faults in programs and require asyncvet to find each
planted-vet:
	cd cmd/asyncvet && go test -count=1 -v -run Planted ./internal/planted

#: hunt         random programs, then every pair of operations; FOR=1m for each, SEED=n
hunt:
	cd verify && go test -tags asyncexplore -v -timeout 0 ./hunt -run '^TestHunt(Pairs|Large|Lives)?$$' -hunt.for $(FOR) -hunt.seed $(SEED)

#: soak         three quarters of an hour of everything, by hand
soak:
	cd verify && go run ./cmd/soak
	cd asyncnats && go test -count=1 -timeout 20m -run 'TestSoak|TestHistory' . -soak

#: cover        test coverage by function
cover:
	go test -coverprofile cover.out .
	go tool cover -func cover.out

#: pictures     those in docs, of the page of asyncview in a browser
pictures:
	cd asyncview/browsertest && go test -count=1 -run '^TestPictures$$' . -pictures ../../docs/pictures

#: update       rewrite api/async.txt from the source
update:
	go test ./test/repo -run '^TestAPI$$' -update

#: format       gofmt -w
format:
	gofmt -w .
