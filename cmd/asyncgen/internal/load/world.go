package load

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// A world is the packages that are imported, and those below them. It is the
// importer that the destination is checked with, and reads only what is asked
// for.
type world struct {
	fset    *token.FileSet
	listed  map[string]*packages.Package
	exports types.Importer            // of those that have export data
	sources map[string]*types.Package // those read from source
	pending map[string]bool           // those being read from source
	parsed  map[string]*ast.File      // files that were read for their comments
	sizes   types.Sizes
	broken  map[string]error // the errors of syntax in files that were read from source
}

// listWorld has the go command list packages and say where their export data is.
func (ss *Session) listWorld(dir string, paths []string, sizes types.Sizes) (*world, error) {
	w := &world{
		fset:    ss.fset,
		listed:  make(map[string]*packages.Package),
		sources: make(map[string]*types.Package),
		pending: make(map[string]bool),
		parsed:  make(map[string]*ast.File),
		sizes:   sizes,
		broken:  make(map[string]error),
	}
	w.exports = importer.ForCompiler(ss.fset, "gc", w.open)
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	paths = slices.DeleteFunc(paths, func(path string) bool { return path == "unsafe" })
	if len(paths) == 0 {
		return w, nil
	}
	config := &packages.Config{
		Mode:       packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedExportFile,
		Dir:        dir,
		Env:        ss.env,
		BuildFlags: ss.flags(),
	}
	roots, err := packages.Load(config, paths...)
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	packages.Visit(roots, nil, func(p *packages.Package) { w.listed[p.PkgPath] = p })
	return w, nil
}

// missing says why a package that the output needs is not there.
func (w *world) missing(path string) error {
	p := w.listed[path]
	switch {
	case p != nil && len(p.GoFiles) > 0:
		return nil
	case !strings.Contains(path, "."):
		return fmt.Errorf("package %s is missing", path)
	}
	return fmt.Errorf("the output imports %s, which this module does not have: go get %[1]s", path)
}

// Import returns a package, whole.
func (w *world) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if pkg := w.sources[path]; pkg != nil {
		return pkg, nil
	}
	p := w.listed[path]
	switch {
	case p == nil:
		return nil, fmt.Errorf("no package %s", path)
	case p.ExportFile != "" && p.Name != "main": // whose path is no more in its export data
		if pkg, err := w.exports.Import(p.PkgPath); err == nil {
			return pkg, nil
		}
		// Of another version of Go, perhaps: the source is still there.
	case len(p.GoFiles) == 0 && len(p.Errors) > 0:
		return nil, errors.New(oneLine(p.Errors[0].Msg))
	}
	return w.readSource(p)
}

// open opens the export data of a package.
func (w *world) open(path string) (io.ReadCloser, error) {
	p := w.listed[path]
	if p == nil || p.ExportFile == "" {
		return nil, fmt.Errorf("no export data of %s", path)
	}
	return os.Open(p.ExportFile)
}

// readSource is checkSource for a package that imports what the world has.
func (w *world) readSource(p *packages.Package) (*types.Package, error) {
	if w.pending[p.PkgPath] {
		return nil, fmt.Errorf("import cycle through %s", p.PkgPath)
	}
	w.pending[p.PkgPath] = true
	defer delete(w.pending, p.PkgPath)
	pkg, err := w.checkSource(p, w)
	if err == nil {
		w.sources[p.PkgPath] = pkg
	}
	return pkg, err
}

// checkSource checks what a package declares, without the bodies of functions.
// Errors in it matter only where they are met.
func (w *world) checkSource(p *packages.Package, imports types.Importer) (*types.Package, error) {
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(w.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			w.broken[name] = syntaxError(err)
		}
		if f != nil {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		why := "no Go files"
		if len(p.Errors) > 0 {
			why = p.Errors[0].Msg
		}
		return nil, errors.New(oneLine(cmp.Or(why, "unknown")))
	}
	config := types.Config{
		Importer:         importerFor{imports, p},
		Error:            func(error) {},
		IgnoreFuncBodies: true,
		FakeImportC:      true,
		Sizes:            w.sizes,
	}
	pkg, _ := config.Check(p.PkgPath, w.fset, files, nil)
	return pkg, nil
}

// importerFor resolves the imports of one package, whose paths a vendor folder
// may give other packages.
type importerFor struct {
	types.Importer
	p *packages.Package
}

func (i importerFor) Import(path string) (*types.Package, error) {
	if q := i.p.Imports[path]; q != nil {
		path = q.PkgPath
	}
	return i.Importer.Import(path)
}

// below returns packages and what they import, directly or not, by their paths.
func (w *world) below(paths []string) map[string]*packages.Package {
	found := make(map[string]*packages.Package)
	var visit func(p *packages.Package)
	visit = func(p *packages.Package) {
		if p == nil || found[p.PkgPath] != nil {
			return
		}
		found[p.PkgPath] = p
		for _, q := range p.Imports {
			visit(q)
		}
	}
	for _, path := range paths {
		visit(w.listed[path])
	}
	return found
}

// reaches reports whether a package imports another, directly or not.
func (w *world) reaches(from, to string) bool {
	seen := make(map[*packages.Package]bool)
	var visit func(p *packages.Package) bool
	visit = func(p *packages.Package) bool {
		if p == nil || seen[p] {
			return false
		}
		seen[p] = true
		for _, q := range p.Imports {
			if q.PkgPath == to || visit(q) {
				return true
			}
		}
		return false
	}
	return visit(w.listed[from])
}

// oneLine is the first line of a message that says something, with the next one where
// it ends in a colon.
func oneLine(msg string) string {
	text := ""
	for line := range strings.Lines(msg) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "go: downloading ") {
			continue
		}
		text = strings.TrimSpace(text + " " + line)
		if !strings.HasSuffix(text, ":") {
			return text
		}
	}
	return cmp.Or(text, strings.TrimSpace(msg))
}
