package discardtype

// Options that only some functions of the library take.

import (
	"fmt"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

// special looks at the options of a call that only some functions take.
func special(pass *analysis.Pass, p *program.Package, b program.Begin) {
	for _, s := range b.Options.Some {
		what := ""
		switch s.Name {
		case "AtOnce", "InOrder":
			if b.Name != "Map" {
				what = s.Name + ", which is for Map alone"
			}
		case "CancelOnAbandon":
			switch b.Name {
			case "asyncnats.Submit", "asyncnats.Attach":
				what = "CancelOnAbandon, which no call of a queue takes"
			}
		case "ID", "Key":
			if b.Name == "asyncnats.Attach" {
				what = s.Name + ", which is for Submit"
			}
		case "NameEach":
			what = nameEach(pass, p, b, s)
		case "WaitForRoom":
			switch b.Name {
			case "Group.Do", "Group.Join", "NewLazy":
				what = "WaitForRoom, which no Group and no Lazy takes"
			}
		}
		if what != "" {
			report(pass, p, b, s.At, what)
		}
	}
}

// nameEach says what is wrong with a NameEach, or "".
func nameEach(pass *analysis.Pass, p *program.Package, b program.Begin, s program.Special) string {
	if b.Name != "Map" && b.Name != "GoEach" {
		return "NameEach, which is for Map and GoEach"
	}
	in := p.InputType(b)
	if s.In == nil || in == nil || program.Generic(s.In) || program.Generic(in) || types.Identical(s.In, in) {
		return ""
	}
	name := func(t types.Type) string { return types.TypeString(t, types.RelativeTo(pass.Pkg)) }
	return fmt.Sprintf("NameEach for inputs of %s where they are of %s", name(s.In), name(in))
}
