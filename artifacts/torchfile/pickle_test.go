package torchfile

import (
	"bytes"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pmx/internal/errtest"
)

// pickled loads one pickle without storages.
func pickled(data string) (any, []string, error) {
	u := &unpickler{src: newSource(strings.NewReader(data)), classes: map[string]bool{}}
	u.storage = func(Tuple) *storage { return nil }
	object, err := u.load()
	return object, u.objects(), err
}

// TestPickles: what Python's pickle.dumps writes, by protocol.
func TestPickles(t *testing.T) {
	for _, c := range []struct {
		pickle string
		want   any
	}{
		// [None, True, -1, 300, 2**40, -2**64, 1.5, "é", b"\xff"]
		{"\x80\x03]q\x00(N\x88J\xff\xff\xff\xffM,\x01\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\xffG?\xf8\x00\x00\x00\x00\x00\x00X\x02\x00\x00\x00\xc3\xa9q\x01C\x01\xffq\x02e.",
			&List{[]any{nil, true, int64(-1), int64(300), int64(1) << 40, new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 64)), 1.5, "é", []byte{0xff}}}},
		// protocol 4: (1, (), "a" * 3, frozenset({1}), {2})
		{"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00(K\x01)\x8c\x03aaa\x94(K\x01\x91\x94\x8f\x94(K\x02\x90t\x94.",
			Tuple{int64(1), Tuple(nil), "aaa", &List{[]any{int64(1)}}, &List{[]any{int64(2)}}}},
		// protocol 5: bytearray(b"xy")
		{"\x80\x05\x95\x0d\x00\x00\x00\x00\x00\x00\x00\x96\x02\x00\x00\x00\x00\x00\x00\x00xy\x94.", []byte("xy")},
		{"\x80\x02)\x81.", nil},
		{"\x80\x02ctorch\nSize\nq\x00(K\x01K\x02K\x03K\x04tq\x01\x85q\x02Rq\x03.", Tuple{int64(1), int64(2), int64(3), int64(4)}},
		{"\x80\x02K\x01K\x02(K\x0310\x862.", nil},
	} {
		got, _, err := pickled(c.pickle)
		if c.want == nil {
			errtest.OneLine(t, err, "pickle, byte ", "stack")
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.pickle, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" {
			t.Errorf("%q: %s", c.pickle, diff)
		}
	}
}

// TestPython2Dictionary: Python 2 pickles an OrderedDict as the list of its pairs.
func TestPython2Dictionary(t *testing.T) {
	got, objects, err := pickled("\x80\x02ccollections\nOrderedDict\n]](U\x01aK\x01ea\x85R.")
	if err != nil || len(objects) > 0 {
		t.Fatal(objects, err)
	}
	if v, ok := got.(*Dict).Get("a"); !ok || v != int64(1) || got.(*Dict).Len() != 1 {
		t.Errorf("a is %v in %v", v, got)
	}
}

// TestInertCalls: no call is made of what is not known, and each is named.
func TestInertCalls(t *testing.T) {
	for pickle, want := range map[string]string{
		"\x80\x02]cposix\nsystem\nX\x02\x00\x00\x00ls\x85Ra.":                              "posix.system",
		"\x80\x02]cargparse\nNamespace\n)\x81}X\x01\x00\x00\x00aK\x01sba.":                 "argparse.Namespace",
		"\x80\x02]c__builtin__\neval\nX\x01\x00\x00\x001\x85R)Ra.":                         "builtins.eval",
		"\x80\x04]\x8c\x02os\x8c\x06system\x93)}\x92a.":                                    "os.system",
		"\x80\x02]ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nNK\x01\x85Nt\x52a.": "os.system",
	} {
		object, objects, err := pickled(pickle)
		if err != nil {
			t.Errorf("%q: %v", pickle, err)
			continue
		}
		if len(objects) != 1 || objects[0] != want {
			t.Errorf("%q: objects %v, want %s", pickle, objects, want)
		}
		if o, ok := object.(*List).Items[0].(*Object); !ok || o.Class != want {
			t.Errorf("%q is %v, want a record of %s", pickle, object, want)
		}
	}
}

// maxMemory is what a pickle may take that its limits end, garbage counted.
const maxMemory = 256 << 20

// TestLimits: each ends a pickle that grows without end, before it takes much memory.
func TestLimits(t *testing.T) {
	var entries strings.Builder
	entries.WriteString("\x80\x02}")
	for i := range 1_000_000 {
		fmt.Fprintf(&entries, "U\x07%07dNs", i)
	}
	long := func(begin, repeated string, times int) string {
		return "\x80\x02" + begin + strings.Repeat(repeated, times)
	}
	for name, c := range map[string]struct{ pickle, want string }{
		"opcodes":        {long("", "N0", 6e6), "more than 10000000 opcodes"},
		"stack":          {long("", "N", 2e6), "values on the stack"},
		"marks":          {long("", "(", 2e6), "marks"},
		"memo":           {"\x80\x04N" + strings.Repeat("\x94", 2e6), "memo entries"},
		"lists":          {long("]", "]a", 2e6), "more than 2000000 values"},
		"elements":       {long("]", "("+strings.Repeat("N", 1e5)+"e", 30), "more than 2000000 values"},
		"integers":       {long("]", "("+strings.Repeat("J\x00\x01\x00\x00", 1e5)+"e", 30), "more than 2000000 values"},
		"entries":        {entries.String(), "more than 2000000 values"},
		"integer":        {"\x80\x02\x8b\xff\x00\x00\x00", "an integer of 255 bytes"},
		"name":           {long("c", "x", 5000), "a name is longer than 4096 bytes"},
		"protocol":       {"\x80\x06.", "protocol 6"},
		"protocol 0":     {"(dp0\n.", "begins with no protocol"},
		"text integer":   {"\x80\x02I1\n.", "opcode 0x49"},
		"out of band":    {"\x80\x05\x97.", "opcode 0x97"},
		"memo unset":     {"\x80\x02h\x05.", "memo entry 5 is not set"},
		"below the mark": {"\x80\x02N(\x85.", "the stack is empty"},
		"no mark":        {"\x80\x02Nt.", "no mark"},
		"left over":      {"\x80\x02NN.", "values left over"},
		"odd entries":    {"\x80\x02}(Nu.", "a key without a value"},
		"append to dict": {"\x80\x02}Na.", "not a list"},
		"set in list":    {"\x80\x02]NNs.", "not a dictionary"},
		"build a number": {"\x80\x02K\x01Nb.", "attributes of a plain value"},
		"call of 1":      {"\x80\x02K\x01K\x01R.", "arguments are not a tuple"},
		"no class name":  {"\x80\x04NN\x93.", "not a string"},
		"number as id":   {"\x80\x02K\x01Q.", "persistent id"},
		"ends":           {"\x80\x02X\x05\x00\x00\x00ab", "truncated"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := pickled(c.pickle)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > maxMemory {
			t.Errorf("%s: %d MiB taken", name, taken>>20)
		}
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		errtest.OneLine(t, err, c.want)
	}
}

// FuzzPickle: no input panics, hangs or takes more memory than the limits say.
func FuzzPickle(f *testing.F) {
	f.Add([]byte("\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x04tq\x07QK\x00K\x02K\x02\x86q\x08K\x02K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0du."))
	f.Add([]byte("\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00(K\x01)\x8c\x03aaa\x94(K\x01\x91\x94\x8f\x94(K\x02\x90t\x94."))
	f.Add([]byte("\x80\x02ccollections\nOrderedDict\n]](U\x01aK\x01ea\x85R."))
	f.Add([]byte("\x80\x02]cargparse\nNamespace\n)\x81}X\x01\x00\x00\x00aK\x01sba."))
	f.Fuzz(func(_ *testing.T, data []byte) {
		storages := storageTable{}
		u := &unpickler{src: newSource(bytes.NewReader(data)), classes: map[string]bool{}}
		u.storage = func(id Tuple) *storage { return storages.parse(id, func(*storage) {}) }
		object, err := u.load()
		if err == nil {
			_ = (&nesting{}).walk(object, 0)
		}
	})
}
