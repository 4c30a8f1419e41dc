package wheellib

import (
	"debug/elf"
	"errors"
	"fmt"
	"math"
	"strings"
)

// findEntry gives the number of the one function that the module exports, the
// Python entry point.
func (im *image) findEntry() (int, error) {
	entry := 0
	for i := 1; i < im.symbols(); i++ {
		s := im.symbol(i)
		isFunction := s.kind() == elf.STT_FUNC || s.kind() == elf.STT_GNU_IFUNC
		if !s.defined() || s.bind() == elf.STB_LOCAL || !isFunction {
			continue
		}
		if name := im.name(s); entry != 0 || !strings.HasPrefix(name, entryPrefix) {
			return 0, fmt.Errorf("it exports %s", name)
		}
		entry = i
	}
	if entry == 0 {
		return 0, fmt.Errorf("it exports no %s function", entryPrefix)
	}
	return entry, nil
}

// replaceEntry makes the entry point a function that returns base, and renames it.
func (im *image) replaceEntry(entry int, base uint64) error {
	s := im.symbol(entry)
	va := s.value()
	code := im.at(va, leaRetLength)
	if code == nil || s.size() < leaRetLength || !im.inText(va, leaRetLength) {
		return errors.New("its entry point is not in .text")
	}
	disp := int64(base - (va + leaLength))
	if disp < math.MinInt32 || disp > math.MaxInt32 {
		return errors.New("its OrtApiBase is too far from its entry point")
	}
	if err := im.rename(s); err != nil {
		return err
	}
	copy(code, []byte{0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3}) // lea rax, [rip+disp]; ret
	le.PutUint32(code[3:], uint32(int32(disp)))
	s.setSize(leaRetLength)
	return nil
}

// rename writes entryName over the name of s. Linkers let a name that is the
// end of another share its bytes, so no other name may lie in this one.
func (im *image) rename(s symbol) error {
	name := im.name(s)
	if len(name) < len(entryName) {
		return fmt.Errorf("%s leaves no room for another name", name)
	}
	offset := s.nameOffset()
	if offset == 0 || im.dynstr[offset-1] != 0 {
		return fmt.Errorf("the name %s is the end of another", name)
	}
	others, err := im.otherNames(s)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other != "" && strings.HasSuffix(name, other) {
			return fmt.Errorf("the names %s and %s may share their bytes", name, other)
		}
	}
	copy(im.dynstr[offset:], entryName+"\x00")
	return nil
}

// otherNames lists all else that may refer to the table of names.
func (im *image) otherNames(s symbol) ([]string, error) {
	var names []string
	for i := 1; i < im.symbols(); i++ {
		if other := im.symbol(i); &other[0] != &s[0] {
			names = append(names, im.name(other))
		}
	}
	for _, tag := range []elf.DynTag{elf.DT_NEEDED, elf.DT_SONAME, elf.DT_RPATH, elf.DT_RUNPATH} {
		list, err := im.file.DynString(tag)
		if err != nil {
			return nil, err
		}
		names = append(names, list...)
	}
	if im.file.SectionByType(elf.SHT_GNU_VERSYM) == nil {
		return names, nil
	}
	defined, err := im.file.DynamicVersions()
	if err != nil {
		return nil, err
	}
	for _, v := range defined {
		names = append(append(names, v.Name), v.Deps...)
	}
	needed, err := im.file.DynamicVersionNeeds()
	if err != nil {
		return nil, err
	}
	for _, n := range needed {
		names = append(names, n.Name)
		for _, dep := range n.Needs {
			names = append(names, dep.Dep)
		}
	}
	return names, nil
}

// weakenPython makes every symbol that Python would provide weak: the loader
// leaves those at address 0. It returns how many there are.
func (im *image) weakenPython() int {
	n := 0
	for i := 1; i < im.symbols(); i++ {
		s := im.symbol(i)
		name := im.name(s)
		if !s.defined() && (strings.HasPrefix(name, "Py") || strings.HasPrefix(name, "_Py")) {
			s.setBind(elf.STB_WEAK)
			n++
		}
	}
	return n
}
