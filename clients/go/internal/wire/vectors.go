package wire

import "math"

// VectorBlock holds count vectors of dims numbers; the first of them belongs
// to input number First of the request. Of Data and Rows the one that Dtype
// names is set.
type VectorBlock struct {
	Dtype string
	Dims  uint32
	Count uint32
	First uint32
	Data  []byte    // any encoding but [EncodingArray]: rows of [RowBytes] each
	Rows  []float32 // [EncodingArray]: the numbers, row-major
}

func appendVectors(b []byte, v *VectorBlock) []byte {
	b = appendMapHeader(b, 5)
	b = appendStr(appendStr(b, "dtype"), v.Dtype)
	b = appendUint(appendStr(b, "dims"), uint64(v.Dims))
	b = appendUint(appendStr(b, "count"), uint64(v.Count))
	b = appendUint(appendStr(b, "first"), uint64(v.First))
	if v.Dtype != EncodingArray {
		return appendBin(appendStr(b, "data"), v.Data)
	}
	b = appendArrayHeader(appendStr(b, "rows"), int(v.Count))
	for row := range int(v.Count) {
		b = appendArrayHeader(b, int(v.Dims))
		for _, x := range v.Rows[row*int(v.Dims) : (row+1)*int(v.Dims)] {
			b = appendFloat32(b, x)
		}
	}
	return b
}

func (r *reader) vectors(v *VectorBlock) {
	var data, rows bool
	var shape shape
	r.fields("embeddings.", false, []field{
		{"dtype", true, func() { v.Dtype = r.str() }},
		{"dims", true, func() { v.Dims = r.uint32() }},
		{"count", true, func() { v.Count = r.uint32() }},
		{"first", true, func() { v.First = r.uint32() }},
		{"data", false, func() { data, v.Data = true, r.bin() }},
		{"rows", false, func() { rows, shape = true, r.rows(&v.Rows) }},
	})
	if r.err != nil {
		return
	}
	switch {
	case isPacked(v.Dtype) && data && !rows:
		r.packed(v)
	case v.Dtype == EncodingArray && rows && !data:
		if shape.rows != int(v.Count) {
			r.fail("embeddings.rows has %d rows, not %d", shape.rows, v.Count)
		}
		if shape.rows > 0 && (shape.shortest != int(v.Dims) || shape.longest != int(v.Dims)) {
			r.fail("embeddings.rows holds rows of %d to %d numbers, not %d", shape.shortest, shape.longest, v.Dims)
		}
	default:
		r.fail("embeddings.dtype is %s without the numbers that belong to it", quote([]byte(v.Dtype)))
	}
}

// shape is what an array of arrays holds.
type shape struct{ rows, shortest, longest int }

// rows reads an array of arrays of numbers into one flat list.
func (r *reader) rows(flat *[]float32) shape {
	from := r.pos
	s := shape{rows: r.entries(), shortest: math.MaxInt}
	// A number takes five bytes here, and four in the list.
	content := len(r.peek(from))
	*flat = make([]float32, 0, content/5)
	for range s.rows {
		n := r.arrayLen()
		s.shortest, s.longest = min(s.shortest, n), max(s.longest, n)
		for range n {
			if r.err != nil {
				return s
			}
			*flat = append(*flat, r.float32())
		}
	}
	return s
}
