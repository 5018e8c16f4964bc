package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// VectorBlock holds count vectors of dims numbers; the first of them belongs
// to input number First of the request. Of Data and Rows the one that Dtype
// names is set.
type VectorBlock struct {
	Dtype string
	Dims  uint32
	Count uint32
	First uint32
	Data  []byte    // [EncodingF32]: little-endian float32, row-major
	Rows  []float32 // [EncodingArray]: the same numbers, row-major
}

// TextReply is a whole reply, or one part of it.
type TextReply struct {
	Reply
	Embeddings VectorBlock
}

// Span says which rows of the result the reply holds.
func (t *TextReply) Span() (first, count uint32) { return t.Embeddings.First, t.Embeddings.Count }

// AppendTextReply appends the canonical bytes of the reply.
func AppendTextReply(b []byte, t *TextReply) []byte {
	b = t.appendHead(b, 3)
	b = appendVectors(appendStr(b, "embeddings"), &t.Embeddings)
	return t.appendTail(t.appendTokens(b))
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

// DecodeTextReply reads a reply or a part of one; Data and Meta stay in place
// in b. Its error is a *[DecodeError].
func DecodeTextReply(b []byte) (*TextReply, error) {
	t := &TextReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.reply(&t.Reply, r.ofTexts(&t.Reply,
			field{"embeddings", true, func() { r.vectors(&t.Embeddings) }})...)
		r.counts(&t.Reply, t.Embeddings.Count)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
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
	case v.Dtype == EncodingF32 && data && !rows:
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

// packed checks the length and every number of packed vectors.
func (r *reader) packed(v *VectorBlock) {
	over, numbers := bits.Mul64(uint64(v.Dims), uint64(v.Count))
	if over != 0 || numbers > math.MaxUint64/4 || uint64(len(v.Data)) != 4*numbers {
		r.fail("embeddings.data has %d bytes for %d rows of %d", len(v.Data), v.Count, v.Dims)
		return
	}
	const exponent = 0x7f800000 // all ones: infinity or not a number
	for i := 0; i < len(v.Data); i += 4 {
		if binary.LittleEndian.Uint32(v.Data[i:])&exponent == exponent {
			r.fail("embeddings.data holds a float that is not finite")
			return
		}
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
