package wire

import "encoding/binary"

// SparseBlock holds count sparse vectors as compressed rows; the first of them
// belongs to input number First of the request. Row i is the entries from
// offset i up to offset i + 1, with rising indices. The numbers are packed
// little-endian; see [Uint32At].
type SparseBlock struct {
	Count   uint32
	First   uint32
	Offsets []byte // count + 1 uint32, from 0 to the number of entries
	Indices []byte // uint32
	Values  []byte // float32
}

// Uint32At reads number i of a packed list.
func Uint32At(packed []byte, i int) uint32 { return binary.LittleEndian.Uint32(packed[4*i:]) }

func appendSparse(b []byte, s *SparseBlock) []byte {
	b = appendMapHeader(b, 5)
	b = appendUint(appendStr(b, "count"), uint64(s.Count))
	b = appendUint(appendStr(b, "first"), uint64(s.First))
	b = appendBin(appendStr(b, "offsets"), s.Offsets)
	b = appendBin(appendStr(b, "indices"), s.Indices)
	return appendBin(appendStr(b, "values"), s.Values)
}

func (r *reader) sparse(s *SparseBlock) {
	r.fields("sparse.", false, []field{
		{"count", true, func() { s.Count = r.uint32() }},
		{"first", true, func() { s.First = r.uint32() }},
		{"offsets", true, func() { s.Offsets = r.bin() }},
		{"indices", true, func() { s.Indices = r.bin() }},
		{"values", true, func() { s.Values = r.bin() }},
	})
	entries := r.offsets("sparse.", s.Offsets, s.Count)
	if r.err != nil {
		return
	}
	if want := 4 * uint64(entries); uint64(len(s.Indices)) != want || uint64(len(s.Values)) != want {
		r.fail("sparse has %d bytes of indices and %d of values for %d entries", len(s.Indices), len(s.Values), entries)
		return
	}
	if !finite(EncodingF32, s.Values) {
		r.fail("sparse.values holds a number that is not finite")
		return
	}
	for row := range int(s.Count) {
		from, to := int(Uint32At(s.Offsets, row)), int(Uint32At(s.Offsets, row+1))
		for i := from + 1; i < to; i++ {
			if Uint32At(s.Indices, i) <= Uint32At(s.Indices, i-1) {
				r.fail("sparse.indices do not rise in row %d", row)
				return
			}
		}
	}
}

// offsets checks where ragged rows begin, and returns where the last one ends.
func (r *reader) offsets(in string, packed []byte, rows uint32) (end uint32) {
	if r.err != nil {
		return 0
	}
	if uint64(len(packed)) != 4*(uint64(rows)+1) {
		r.fail("%soffsets has %d bytes for %d rows", in, len(packed), rows)
		return 0
	}
	if Uint32At(packed, 0) != 0 {
		r.fail("%soffsets begins with %d, not 0", in, Uint32At(packed, 0))
		return 0
	}
	for i := range int(rows) {
		if Uint32At(packed, i+1) < Uint32At(packed, i) {
			r.fail("%soffsets falls after row %d", in, i)
			return 0
		}
	}
	return Uint32At(packed, int(rows))
}
