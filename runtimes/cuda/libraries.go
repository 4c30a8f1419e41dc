package cuda

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// checkLibraries loads what a provider library asks for, but not the provider.
func checkLibraries(provider string) error {
	file, err := elf.Open(provider)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: it belongs beside the library", provider)
	}
	if err != nil {
		return fmt.Errorf("%s is no library: %w", provider, err)
	}
	defer file.Close()
	needed, err := file.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", provider, err)
	}
	paths, err := file.DynString(elf.DT_RUNPATH)
	if err != nil {
		return fmt.Errorf("%s: %w", provider, err)
	}
	var absent, faults []string
	for _, name := range needed {
		if strings.HasPrefix(name, "libcuda.so") { // the driver, which has a check of its own
			continue
		}
		missing, err := find(name, folders(paths, filepath.Dir(provider)))
		switch {
		case err == nil:
		case missing == "":
			faults = append(faults, err.Error())
		case !slices.Contains(absent, missing):
			absent = append(absent, missing)
		}
	}
	if len(absent) > 0 {
		faults = slices.Insert(faults, 0, fmt.Sprintf("the loader does not find %s: install CUDA and cuDNN, or name their folder in LD_LIBRARY_PATH", strings.Join(absent, ", ")))
	}
	if len(faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}

// find loads a library by the loader's own ways, then from the folders.
func find(name string, folders []string) (missing string, err error) {
	_, missing, err = open(name)
	if missing != name {
		return missing, err
	}
	for _, folder := range folders {
		path := folder + "/" + name
		if _, other, otherErr := open(path); otherErr == nil || other != path {
			return other, otherErr
		}
	}
	return missing, err
}

// folders are those of run paths; origin is the folder of the library that has them.
func folders(paths []string, origin string) (list []string) {
	for _, path := range paths {
		for folder := range strings.SplitSeq(path, ":") {
			if folder == "" { // as ld.so has it
				folder = "."
			}
			list = append(list, strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin).Replace(folder))
		}
	}
	return list
}
