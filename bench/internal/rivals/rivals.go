// Package rivals holds those who are measured: a file each, with the forms in
// which they do the operations of package table.
package rivals

import (
	"slices"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// All returns the rivals, the yardstick, its floors and this library first.
func All() []table.Rival {
	return []table.Rival{
		{Name: "raw Go", Forms: slices.Concat(rawForms(), rawManyForms(), rawCallForms(), rawSharingForms(), rawMemoryForms(), runtimeForms())},
		{Name: table.Floor, Forms: floorForms()},
		{Name: "async", Module: "github.com/seed4712c49f/async", Forms: slices.Concat(asyncForms(), asyncManyForms(), asyncSharingForms(), asyncMemoryForms())},
		{Name: "reflect.Select", Forms: reflectForms()},
		{Name: "goroutine each", Forms: goroutineForms()},
		{Name: "context", Forms: contextForms()},
		{Name: "sync", Forms: syncForms()},
		{Name: "errgroup", Module: "golang.org/x/sync", Forms: errgroupForms()},
		{Name: "singleflight", Module: "golang.org/x/sync", Forms: singleflightForms()},
		{Name: "resenje", Module: "resenje.org/singleflight", Forms: resenjeForms()},
		{Name: "conc", Module: "github.com/sourcegraph/conc", Forms: concForms()},
		{Name: "pond", Module: "github.com/alitto/pond/v2", Forms: pondForms()},
		{Name: "ants", Module: "github.com/panjf2000/ants/v2", Forms: antsForms()},
		{Name: "mo", Module: "github.com/samber/mo", Forms: moForms()},
		{Name: "lo", Module: "github.com/samber/lo", Forms: loForms()},
		{Name: "taskgroup", Module: "github.com/creachadair/taskgroup", Forms: taskgroupForms()},
		{Name: "failsafe", Module: "github.com/failsafe-go/failsafe-go", Forms: failsafeForms()},
	}
}

// LeftOut names the rivals that are not measured, and why.
func LeftOut() map[string]string {
	const refused = "the module proxy used here does not have it"
	return map[string]string{
		"github.com/chebyrash/promise":   refused,
		"github.com/reugn/async":         refused,
		"github.com/jizhuozhi/go-future": refused,
	}
}
