package wire

import "math/bits"

// ColBERTBlock holds count rows of any number of vectors of dims numbers each;
// the first row belongs to input number First of the request. Row i is the
// vectors from offset i up to offset i + 1. The numbers are packed
// little-endian.
//
// A row whose vectors exceed a part goes on in the next one, which holds nothing
// else: From is how many of them came before.
type ColBERTBlock struct {
	Dims    uint32
	Count   uint32
	First   uint32
	From    uint32
	Offsets []byte // count + 1 uint32, from 0 to the number of vectors
	Data    []byte // float32, row-major
}

func appendColBERT(b []byte, c *ColBERTBlock) []byte {
	b = appendMapHeader(b, count(5, c.From > 0))
	b = appendUint(appendStr(b, "dims"), uint64(c.Dims))
	b = appendUint(appendStr(b, "count"), uint64(c.Count))
	b = appendUint(appendStr(b, "first"), uint64(c.First))
	if c.From > 0 {
		b = appendUint(appendStr(b, "from"), uint64(c.From))
	}
	b = appendBin(appendStr(b, "offsets"), c.Offsets)
	return appendBin(appendStr(b, "data"), c.Data)
}

func (r *reader) colbert(c *ColBERTBlock) {
	r.fields("colbert.", false, []field{
		{"dims", true, func() { c.Dims = r.uint32() }},
		{"count", true, func() { c.Count = r.uint32() }},
		{"first", true, func() { c.First = r.uint32() }},
		{"from", false, func() { c.From = r.uint32() }},
		{"offsets", true, func() { c.Offsets = r.bin() }},
		{"data", true, func() { c.Data = r.bin() }},
	})
	vectors := r.offsets("colbert.", c.Offsets, c.Count)
	if r.err != nil {
		return
	}
	// Compared without × 4, which 64 bits do not always hold.
	over, numbers := bits.Mul64(uint64(vectors), uint64(c.Dims))
	if over != 0 || len(c.Data)%4 != 0 || uint64(len(c.Data)/4) != numbers {
		r.fail("colbert.data has %d bytes for %d vectors of %d", len(c.Data), vectors, c.Dims)
		return
	}
	if !finite(EncodingF32, c.Data) {
		r.fail("colbert.data holds a number that is not finite")
	}
}
