package wheellib

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

var le = binary.LittleEndian

// Sizes of the ELF structures, in bytes.
const (
	symSize  = 24 // Elf64_Sym
	relaSize = 24 // Elf64_Rela
)

// image is a module being edited: its bytes, and where things lie in them.
type image struct {
	data []byte // a copy
	file *elf.File

	text elf.SectionHeader
	// Parts of data:
	dynsym, dynstr, hash, rela []byte
}

// parse copies the module and finds the parts to edit. Sections are only a
// linker's notes; the loader goes by the dynamic table, so both must agree.
func parse(module []byte) (*image, error) {
	data := slices.Clone(module)
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("not an ELF file: %w", err)
	}
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB || f.Machine != elf.EM_X86_64 || f.Type != elf.ET_DYN {
		return nil, fmt.Errorf("an ELF file of kind %v, %v, %v, %v", f.Class, f.Data, f.Machine, f.Type)
	}
	im := &image{data: data, file: f}
	for _, part := range []struct {
		section string
		tag     elf.DynTag
		bytes   *[]byte
		unit    uint64
	}{
		{".dynsym", elf.DT_SYMTAB, &im.dynsym, symSize},
		{".dynstr", elf.DT_STRTAB, &im.dynstr, 1},
		{".gnu.hash", elf.DT_GNU_HASH, &im.hash, 1},
		{".rela.dyn", elf.DT_RELA, &im.rela, relaSize},
	} {
		if *part.bytes, err = im.section(part.section, part.tag, part.unit); err != nil {
			return nil, err
		}
	}
	if old, err := f.DynValue(elf.DT_HASH); err != nil || len(old) > 0 {
		return nil, errors.New("it has a hash table of the old kind")
	}
	text := f.Section(".text")
	if text == nil || im.placed(text) == nil {
		return nil, errors.New("it has no .text, or none with a place in the file")
	}
	im.text = text.SectionHeader
	return im, nil
}

// section gives the bytes of a section that the dynamic table names by tag.
func (im *image) section(name string, tag elf.DynTag, unit uint64) ([]byte, error) {
	s := im.file.Section(name)
	if s == nil {
		return nil, fmt.Errorf("it has no %s", name)
	}
	addresses, err := im.file.DynValue(tag)
	if err != nil {
		return nil, err
	}
	if len(addresses) != 1 || addresses[0] != s.Addr {
		return nil, fmt.Errorf("%s is not where %v says", name, tag)
	}
	b := im.placed(s)
	if b == nil || s.Size == 0 || s.Size%unit != 0 {
		return nil, fmt.Errorf("%s has no place in the file", name)
	}
	return b, nil
}

// placed gives the bytes of a section, or nil if the loader takes others to
// its address.
func (im *image) placed(s *elf.Section) []byte {
	if begin, ok := im.offset(s.Addr, s.Size); !ok || begin != s.Offset {
		return nil
	}
	return im.at(s.Addr, s.Size)
}

// at gives the n bytes that are loaded to address va, or nil if they do not
// all come from the file.
func (im *image) at(va, n uint64) []byte {
	begin, ok := im.offset(va, n)
	if !ok {
		return nil
	}
	return im.data[begin : begin+n : begin+n]
}

// offset gives the place in the file of the n bytes that are loaded to va.
func (im *image) offset(va, n uint64) (begin uint64, ok bool) {
	for _, p := range im.file.Progs {
		if p.Type != elf.PT_LOAD || va < p.Vaddr || va-p.Vaddr > p.Filesz || n > p.Filesz-(va-p.Vaddr) {
			continue
		}
		begin = p.Off + (va - p.Vaddr)
		ok = begin >= p.Off && begin <= uint64(len(im.data)) && n <= uint64(len(im.data))-begin
		return begin, ok
	}
	return 0, false
}

// inText reports whether n bytes at va are code.
func (im *image) inText(va, n uint64) bool {
	return va >= im.text.Addr && va-im.text.Addr <= im.text.Size && n <= im.text.Size-(va-im.text.Addr)
}

// symbol is entry i of the dynamic symbol table.
type symbol []byte

func (im *image) symbols() int        { return len(im.dynsym) / symSize }
func (im *image) symbol(i int) symbol { return im.dynsym[i*symSize : (i+1)*symSize] }

func (s symbol) nameOffset() uint32    { return le.Uint32(s) }
func (s symbol) kind() elf.SymType     { return elf.ST_TYPE(s[4]) }
func (s symbol) bind() elf.SymBind     { return elf.ST_BIND(s[4]) }
func (s symbol) setBind(b elf.SymBind) { s[4] = elf.ST_INFO(b, s.kind()) }
func (s symbol) defined() bool         { return elf.SectionIndex(le.Uint16(s[6:])) != elf.SHN_UNDEF }
func (s symbol) value() uint64         { return le.Uint64(s[8:]) }
func (s symbol) size() uint64          { return le.Uint64(s[16:]) }
func (s symbol) setSize(n uint64)      { le.PutUint64(s[16:], n) }

// name gives the symbol's name; "" if it has none that ends in the table.
func (im *image) name(s symbol) string {
	if uint64(s.nameOffset()) >= uint64(len(im.dynstr)) {
		return ""
	}
	name, _, ok := bytes.Cut(im.dynstr[s.nameOffset():], []byte{0})
	if !ok {
		return ""
	}
	return string(name)
}
