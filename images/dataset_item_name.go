package images

import "fmt"

// ItemName is what image i of d is called: the path of its file, or the name and place
// of a dataset that has no files, such as "cifar10 test 17". No two images of a dataset
// share a name, except where a list names a file twice.
func ItemName(d Dataset, i int) string {
	if named, ok := d.(interface{ itemName(i int) string }); ok {
		return named.itemName(i)
	}
	return fmt.Sprintf("%s %d", d.Name(), i)
}

func (f *imageFiles) itemName(i int) string { return f.paths[i] }

func (s *subset) itemName(i int) string { return ItemName(s.Dataset, s.indices[i]) }

func (u *unlabelled) itemName(i int) string { return ItemName(u.inner, i) }
