package torchfile

// opcode is an instruction of a pickle.
type opcode byte

// Opcodes of files that torch.save writes, under the names of Python's pickle.py in
// the order of their protocol; those of protocol 0 for text (INT, FLOAT, GET, ...) and
// for what lies outside of the file (EXT1, NEXT_BUFFER, ...) are not read.
const (
	opMark            opcode = '('
	opStop            opcode = '.'
	opPop             opcode = '0'
	opPopMark         opcode = '1'
	opDup             opcode = '2'
	opBinInt          opcode = 'J' // 4 bytes
	opBinInt1         opcode = 'K'
	opBinInt2         opcode = 'M'
	opNone            opcode = 'N'
	opBinPersID       opcode = 'Q'
	opReduce          opcode = 'R' // callable, tuple of arguments
	opBinString       opcode = 'T' // Python 2's str
	opShortBinString  opcode = 'U'
	opBinUnicode      opcode = 'X'
	opAppend          opcode = 'a'
	opBuild           opcode = 'b' // object, attributes
	opGlobal          opcode = 'c' // two lines: module, name
	opAppends         opcode = 'e'
	opBinGet          opcode = 'h'
	opLongBinGet      opcode = 'j'
	opEmptyList       opcode = ']'
	opBinPut          opcode = 'q'
	opLongBinPut      opcode = 'r'
	opSetItem         opcode = 's'
	opTuple           opcode = 't'
	opEmptyTuple      opcode = ')'
	opSetItems        opcode = 'u'
	opBinFloat        opcode = 'G'
	opEmptyDict       opcode = '}'
	opProto           opcode = 0x80 // since protocol 2
	opNewObj          opcode = 0x81
	opTuple1          opcode = 0x85
	opTuple2          opcode = 0x86
	opTuple3          opcode = 0x87
	opNewTrue         opcode = 0x88
	opNewFalse        opcode = 0x89
	opLong1           opcode = 0x8a
	opLong4           opcode = 0x8b
	opBinBytes        opcode = 'B' // since protocol 3
	opShortBinBytes   opcode = 'C'
	opShortBinUnicode opcode = 0x8c // since protocol 4
	opBinUnicode8     opcode = 0x8d
	opBinBytes8       opcode = 0x8e
	opEmptySet        opcode = 0x8f
	opAddItems        opcode = 0x90
	opFrozenSet       opcode = 0x91
	opNewObjEx        opcode = 0x92
	opStackGlobal     opcode = 0x93
	opMemoize         opcode = 0x94
	opFrame           opcode = 0x95
	opByteArray8      opcode = 0x96 // since protocol 5
)
