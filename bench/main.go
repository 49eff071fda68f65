// Command bench measures async beside its rivals, all of them in one run, and
// writes down what came out.
//
//	go run . -quick              a look, in two minutes
//	go run . -docs ../docs       everything, in under 20, and the page and README with it
//	go run . -only '^fan-out'    some operations; -list names them
//	go run . -check              fails where a limit is exceeded; for CI
//	go run . -from FILE -docs D  the page again, from figures kept by -json
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
	"github.com/seed4712c49f/async/bench/internal/table"
)

func main() {
	quick := flag.Bool("quick", false, "smaller sizes, shorter slices")
	check := flag.Bool("check", false, "measure what has limits, and fail where one is exceeded")
	list := flag.Bool("list", false, "list what there is to measure, and stop")
	only := flag.String("only", "", "measure points that match this `regexp`")
	out := flag.String("json", "", "write the figures to this `file`")
	docs := flag.String("docs", "", "write the page, charts and figures to this `folder`, and the table of the README above it")
	from := flag.String("from", "", "take the figures from this `file` instead of measuring")
	request := flag.String("request", "", "measure this and print the figures; for the program itself")
	flag.Parse()

	var err error
	switch {
	case *request != "":
		err = serve(*request)
	case *list:
		for _, p := range table.Points(table.Ops, *quick) {
			fmt.Println(p.ID())
		}
	case *check:
		err = verify(*only)
	default:
		err = run(*quick, *only, *from, *out, *docs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, or takes what was measured, and writes it down.
func run(quick bool, only, from, out, docs string) error {
	var r *report.Run
	var err error
	if from != "" {
		r, err = report.Load(from)
	} else {
		r, err = measureAll(quick, only)
	}
	if err != nil {
		return err
	}
	if out != "" {
		if err := r.Save(out); err != nil {
			return err
		}
	}
	if docs == "" {
		return nil
	}
	if err := os.MkdirAll(docs, 0o755); err != nil {
		return err
	}
	if err := r.Save(filepath.Join(docs, "performance.json")); err != nil {
		return err
	}
	if err := report.WriteCharts(r, filepath.Join(docs, "charts")); err != nil {
		return err
	}
	if err := report.WritePage(r, filepath.Join(docs, "performance.md")); err != nil {
		return err
	}
	return report.WriteReadme(r, filepath.Join(docs, "..", "README.md"))
}

// measureAll measures every point that matches.
func measureAll(quick bool, only string) (*report.Run, error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	plan, r := measure.Full, describe(quick, only)
	if quick {
		plan = measure.Quick
	}
	var jobs []job
	for _, p := range table.Points(table.Ops, quick) {
		if match.MatchString(p.ID()) {
			jobs = append(jobs, job{p, table.Rows(rivals.All(), p), plan})
		}
	}
	progress := newProgress(jobs)
	var failed error
	for _, j := range jobs {
		res, err := j.measure()
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			failed = errors.Join(failed, err)
			continue
		}
		r.Results = append(r.Results, res)
		progress.done(j, res)
	}
	r.Took = progress.took()
	return r, failed
}

// serve measures in this process what another asks for.
func serve(request string) error {
	var req Request
	if err := json.Unmarshal([]byte(request), &req); err != nil {
		return err
	}
	res, err := req.answer()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}
