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

// ItemError says why one input has no vector.
type ItemError struct {
	Index   uint32
	Code    uint32
	Name    string
	Message string
}

// Timings are the microseconds a request spent in each stage of a worker.
type Timings struct {
	Wait, Tokenize, Queue, Infer, Total uint64
}

// TextReply is a whole reply, or one part of it.
type TextReply struct {
	Model      string
	Space      string
	Instance   string
	Embeddings VectorBlock
	Tokens     []uint32
	Truncated  []bool
	Errors     []ItemError
	TimingsUs  Timings
	Meta       []byte // an encoded map; nil when absent
}

// AppendTextReply appends the canonical bytes of the reply.
func AppendTextReply(b []byte, t *TextReply) []byte {
	b = appendMapHeader(b, count(7, len(t.Errors) > 0, t.Meta != nil))
	b = appendStr(appendStr(b, "model"), t.Model)
	b = appendStr(appendStr(b, "space"), t.Space)
	b = appendStr(appendStr(b, "instance"), t.Instance)
	b = appendVectors(appendStr(b, "embeddings"), &t.Embeddings)
	b = appendArrayHeader(appendStr(b, "tokens"), len(t.Tokens))
	for _, n := range t.Tokens {
		b = appendUint(b, uint64(n))
	}
	b = appendArrayHeader(appendStr(b, "truncated"), len(t.Truncated))
	for _, v := range t.Truncated {
		b = appendBool(b, v)
	}
	if len(t.Errors) > 0 {
		b = appendArrayHeader(appendStr(b, "errors"), len(t.Errors))
		for _, e := range t.Errors {
			b = appendMapHeader(b, 4)
			b = appendUint(appendStr(b, "index"), uint64(e.Index))
			b = appendUint(appendStr(b, "code"), uint64(e.Code))
			b = appendStr(appendStr(b, "name"), e.Name)
			b = appendStr(appendStr(b, "message"), e.Message)
		}
	}
	b = appendMapHeader(appendStr(b, "timings_us"), 5)
	b = appendUint(appendStr(b, "wait"), t.TimingsUs.Wait)
	b = appendUint(appendStr(b, "tokenize"), t.TimingsUs.Tokenize)
	b = appendUint(appendStr(b, "queue"), t.TimingsUs.Queue)
	b = appendUint(appendStr(b, "infer"), t.TimingsUs.Infer)
	b = appendUint(appendStr(b, "total"), t.TimingsUs.Total)
	if t.Meta != nil {
		b = append(appendStr(b, "meta"), t.Meta...)
	}
	return b
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
		r.fields("", false, []field{
			{"model", true, func() { t.Model = r.str() }},
			{"space", true, func() { t.Space = r.str() }},
			{"instance", true, func() { t.Instance = r.str() }},
			{"embeddings", true, func() { r.vectors(&t.Embeddings) }},
			{"tokens", true, func() {
				t.Tokens = make([]uint32, r.entries())
				for i := range t.Tokens {
					t.Tokens[i] = r.uint32()
				}
			}},
			{"truncated", true, func() {
				t.Truncated = make([]bool, r.entries())
				for i := range t.Truncated {
					t.Truncated[i] = r.bool()
				}
			}},
			{"errors", false, func() { t.Errors = r.itemErrors() }},
			{"timings_us", true, func() { r.timings(&t.TimingsUs) }},
			{"meta", false, func() { t.Meta = r.meta() }},
		})
		r.counts(t)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// counts compares what the parts of a reply say about its number of rows.
func (r *reader) counts(t *TextReply) {
	rows := uint64(t.Embeddings.Count)
	if n := uint64(len(t.Tokens)); n != rows {
		r.fail("tokens has %d entries for %d rows", n, rows)
	}
	if n := uint64(len(t.Truncated)); n != rows {
		r.fail("truncated has %d entries for %d rows", n, rows)
	}
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

func (r *reader) itemErrors() []ItemError {
	list := make([]ItemError, r.entries())
	var e ItemError
	fields := []field{
		{"index", true, func() { e.Index = r.uint32() }},
		{"code", true, func() { e.Code = r.uint32() }},
		{"name", true, func() { e.Name = r.str() }},
		{"message", true, func() { e.Message = r.str() }},
	}
	for i := range list {
		if r.fields("errors.", false, fields); r.err != nil {
			return nil
		}
		list[i] = e
	}
	return list
}

func (r *reader) timings(t *Timings) {
	r.fields("timings_us.", false, []field{
		{"wait", true, func() { t.Wait = r.uint64() }},
		{"tokenize", true, func() { t.Tokenize = r.uint64() }},
		{"queue", true, func() { t.Queue = r.uint64() }},
		{"infer", true, func() { t.Infer = r.uint64() }},
		{"total", true, func() { t.Total = r.uint64() }},
	})
}
