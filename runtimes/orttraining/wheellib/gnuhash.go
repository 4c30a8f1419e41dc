package wheellib

import (
	"errors"
	"math/bits"
)

// The table .gnu.hash (https://sourceware.org/gnu-gabi/program-loading-and-dynamic-linking.txt):
//
//	uint32 buckets, first symbol in it, bloom words, bloom shift
//	uint64 bloom words
//	uint32 buckets: the first symbol of each
//	uint32 one a symbol: its hash, the lowest bit marking the last of a bucket
//
// rebuildHash writes it again with one bucket, which takes no more room.
func (im *image) rebuildHash(entry int) error {
	h := im.hash
	if len(h) < 16 {
		return errors.New(".gnu.hash is too short")
	}
	first, words, shift := le.Uint32(h[4:]), le.Uint32(h[8:]), le.Uint32(h[12:])
	n := im.symbols()
	if uint64(first) > uint64(entry) || words == 0 || bits.OnesCount32(words) != 1 ||
		16+8*uint64(words)+4+4*uint64(n-int(first)) > uint64(len(h)) {
		return errors.New(".gnu.hash does not fit its symbols")
	}
	le.PutUint32(h, 1)
	clear(h[16:])
	bloom, rest := h[16:16+8*words], h[16+8*words:]
	bucket, chain := rest, rest[4:]
	le.PutUint32(bucket, first)
	for i := int(first); i < n; i++ {
		hash := gnuHash(im.name(im.symbol(i)))
		word := bloom[8*(hash/64%words):]
		le.PutUint64(word, le.Uint64(word)|1<<(hash%64)|1<<(hash>>(shift%32)%64))
		link := hash &^ 1
		if i == n-1 {
			link |= 1
		}
		le.PutUint32(chain[4*(i-int(first)):], link)
	}
	return nil
}

// gnuHash is the hash of a name: h = 33 h + c, from 5381.
func gnuHash(name string) uint32 {
	h := uint32(5381)
	for i := range len(name) {
		h = h*33 + uint32(name[i])
	}
	return h
}
