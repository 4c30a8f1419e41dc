//go:build pins

package runtimelib

import (
	"testing"

	"pmx/internal/ortapi"
)

// TestEveryPin installs from each source of each release, also those for other
// machines, whose libraries are not loaded. Loading a CUDA library needs no
// CUDA device. It downloads 0.9 GB, so it is built only on demand, when pins change:
//
//	go test -tags pins -run TestEveryPin -timeout 1h ./runtimes/runtimelib
func TestEveryPin(t *testing.T) {
	for _, rel := range pins {
		for _, s := range rel.sources {
			t.Run(rel.name()+" from "+string(s.client), func(t *testing.T) {
				only := rel
				only.sources = []source{s}
				in := Installer{Dir: t.TempDir(), releases: []release{only}, probe: ortapi.Load, convert: convert}
				if err := in.For(rel.os + "/" + rel.arch); err != nil {
					t.Fatal(err)
				}
				lib, err := in.Install(t.Context(), rel.kind)
				if err != nil {
					t.Fatal(err)
				}
				list, err := in.List()
				if err != nil || len(list) != 1 || list[0].Err != nil {
					t.Errorf("list %+v, error %v", list, err)
				}
				t.Logf("%s: %d bytes, providers %v", lib.Source, lib.Size, lib.Providers)
			})
		}
	}
}
