package images

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEntriesLeftAside: a link to nothing and a folder that may not be read do not keep
// the other images from being used, and are told.
func TestEntriesLeftAside(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "train", "a", "1.png")
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "valid", "a", "2.png")
	for _, name := range []string{"train/a/gone.png", "train/b", "train/notes"} {
		if err := os.Symlink(filepath.Join(dir, "nothing"), filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	d := open(t, dir, Train)
	if !slices.Equal(d.Classes(), []string{"a"}) || d.Len() != 1 {
		t.Errorf("classes %v, %d images", d.Classes(), d.Len())
	}
	gone := filepath.Join(dir, "train")
	if want := "folder " + gone + ": 3 entries are left out: " + filepath.Join(gone, "b") + " is a link to nothing that can be read, and so on"; !slices.Equal(Notes(d), []string{want}) {
		t.Errorf("notes %q, want %q", Notes(d), want)
	}
	if test := open(t, dir, Test); len(Notes(test)) != 0 || test.Len() != 1 {
		t.Errorf("notes on the test images %q", Notes(test))
	}
	if os.Getuid() == 0 {
		return // who may read everything
	}
	writeFile(t, nil, dir, "train", "c", "3.png")
	if err := os.Chmod(filepath.Join(dir, "train", "c"), 0); err != nil {
		t.Fatal(err)
	}
	if notes := Notes(open(t, dir, Train)); len(notes) != 1 || !strings.Contains(notes[0], "4 entries") {
		t.Errorf("notes %q", notes)
	}
}

// TestUnlabelled: images beside folders of images are offered to be taken without
// classes, and the labels of any dataset can be left out.
func TestUnlabelled(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "loose.png")
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "a", "1.png")
	if _, err := Open(dir, Train); err == nil || !strings.HasSuffix(err.Error(), "or take all of them without classes by --set unlabelled=true") {
		t.Errorf("no offer: %v", err)
	}
	for spec, want := range map[string]int{dir: 2, "sample": 10000} {
		d := open(t, spec, Train, Unlabelled())
		if _, label := sampleOf(t, d, 1); d.Len() != want || len(d.Classes()) != 0 || d.Label(0) != -1 || label != -1 {
			t.Errorf("%s: %d images, classes %v, labels %d and %d", spec, d.Len(), d.Classes(), d.Label(0), label)
		}
	}
	if d := open(t, dir, Train, Unlabelled()); !DigestCovers(d, filepath.Join(dir, "loose.png")) || !HoldsFile(d, filepath.Join(dir, "a", "1.png")) {
		t.Error("its files are not known")
	}
}

// TestWhereArchivesUnpack: the folder around the one that an archive unpacks to, and
// Kaggle's MNIST, where files and folders have nearly the same names.
func TestWhereArchivesUnpack(t *testing.T) {
	cifar := t.TempDir()
	writeFile(t, cifarRecord(0, 3), cifar, "cifar-10-batches-bin", "data_batch_1.bin")
	writeFile(t, cifarRecord(2, 0), cifar, "cifar-10-batches-bin", "test_batch.bin")
	writeFile(t, cifarRecord(0, 1, 3), cifar, "cifar-100-binary", "train.bin")
	writeFile(t, cifarRecord(0, 1, 3), cifar, "cifar-100-binary", "test.bin")
	one := encodeIDX(t, false, []byte{1, 2, 3, 4}, 1, 2, 2)
	label := encodeIDX(t, false, []byte{7}, 1)
	both, nested, raw := t.TempDir(), t.TempDir(), t.TempDir()
	for _, part := range []string{"train", "t10k"} {
		for name, data := range map[string][]byte{part + "-images": one, part + "-labels": label} {
			kind := map[bool]string{true: "idx3-ubyte", false: "idx1-ubyte"}[strings.HasSuffix(name, "images")]
			writeFile(t, data, both, name+"."+kind)
			writeFile(t, data, both, name+"-"+kind, name+"-"+kind)
			writeFile(t, data, nested, name+"-"+kind, name+"-"+kind)
			writeFile(t, data, raw, "raw", name+"-"+kind)
		}
	}
	for _, spec := range []string{"cifar10:" + cifar, "cifar100:" + cifar, cifar, "mnist:" + both, both, "mnist:" + nested, nested, raw} {
		for _, split := range []string{Train, Test} {
			if d := open(t, spec, split); d.Len() != 1 {
				t.Errorf("%s %s: %d images", spec, split, d.Len())
			}
		}
	}
}

// TestListSeparators: a label behind a space, a comma or a semicolon is told with its
// line; in a name that there is they are good.
func TestListSeparators(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, nil, dir, "a, b 3")
	for text, want := range map[string]string{
		"x.jpg\tcat\ny.jpg cat\n":   `line 2: a space stands between a path and its label in "y.jpg cat": write a tab`,
		"x.jpg,cat\n":               `line 1: a comma stands between a path and its label in "x.jpg,cat": write a tab`,
		"\n\"x.jpg\"; 3\n":          `line 2: a space stands between a path and its label in "\"x.jpg\"; 3": write a tab`,
		"my x.jpg\na, b 3\n":        "",
		"filename,label\nx.jpg,1\n": `line 2: a comma stands`,
	} {
		list := filepath.Join(dir, "list.txt")
		writeFile(t, []byte(text), list)
		_, err := Open("list:"+list, Train)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestHome(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), home, "pictures", "1.png")
	for _, spec := range []string{"folder:~/pictures", "~/pictures"} {
		if d := open(t, spec, Train); d.Len() != 1 {
			t.Errorf("%s: %d images", spec, d.Len())
		}
		abs, err := AbsSpec(spec)
		if want := strings.Replace(spec, "~", home, 1); err != nil || abs != want {
			t.Errorf("%s is %s, %v, want %s", spec, abs, err, want)
		}
	}
	if got := inHome("~other/x"); got != "~other/x" {
		t.Errorf("another user's home: %s", got)
	}
}
