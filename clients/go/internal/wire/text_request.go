package wire

import (
	"slices"
	"strings"
)

// TextRequest asks for one vector for each of its 1 to [MaxInputs] inputs. A nil pointer is a
// key that is absent and means its default.
type TextRequest struct {
	Inputs     []string
	Truncate   *bool   // default true
	Normalize  *bool   // default true
	Dimensions *uint32 // at least 1; default the model's own
	Prompt     *string
	Encoding   *string // default [EncodingF32]
	Space      *string // default any
	Meta       []byte  // an encoded map, echoed byte for byte; nil when absent
}

// AppendTextRequest appends the canonical bytes of the request.
func AppendTextRequest(b []byte, q *TextRequest) []byte {
	b = appendMapHeader(b, count(1, q.Truncate != nil, q.Normalize != nil, q.Dimensions != nil,
		q.Prompt != nil, q.Encoding != nil, q.Space != nil, q.Meta != nil))
	b = appendStrs(appendStr(b, "inputs"), q.Inputs)
	if q.Truncate != nil {
		b = appendBool(appendStr(b, "truncate"), *q.Truncate)
	}
	if q.Normalize != nil {
		b = appendBool(appendStr(b, "normalize"), *q.Normalize)
	}
	if q.Dimensions != nil {
		b = appendUint(appendStr(b, "dimensions"), uint64(*q.Dimensions))
	}
	if q.Prompt != nil {
		b = appendStr(appendStr(b, "prompt"), *q.Prompt)
	}
	if q.Encoding != nil {
		b = appendStr(appendStr(b, "encoding"), *q.Encoding)
	}
	if q.Space != nil {
		b = appendStr(appendStr(b, "space"), *q.Space)
	}
	if q.Meta != nil {
		b = append(appendStr(b, "meta"), q.Meta...)
	}
	return b
}

// DecodeTextRequest reads a request; Meta stays in place in b. Its error is a
// *[DecodeError].
func DecodeTextRequest(b []byte) (*TextRequest, error) {
	q := &TextRequest{}
	err := decode(b, CodeInvalidRequest, func(r *reader) {
		r.fields("", true, []field{
			{"inputs", true, func() {
				q.Inputs = r.inputs()
			}},
			{"truncate", false, func() { q.Truncate = ptr(r.bool()) }},
			{"normalize", false, func() { q.Normalize = ptr(r.bool()) }},
			{"dimensions", false, func() {
				if q.Dimensions = ptr(r.uint32()); *q.Dimensions == 0 {
					r.fail("dimensions is 0, below 1")
				}
			}},
			{"prompt", false, func() { q.Prompt = ptr(r.str()) }},
			{"encoding", false, func() {
				if q.Encoding = ptr(r.str()); !slices.Contains(Encodings, *q.Encoding) {
					r.fail("encoding is %s; known are %s", quote([]byte(*q.Encoding)), strings.Join(Encodings, ", "))
				}
			}},
			{"space", false, func() { q.Space = ptr(r.str()) }},
			{"meta", false, func() { q.Meta = r.meta() }},
		})
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// meta returns an encoded map in place.
func (r *reader) meta() []byte {
	if r.err == nil && !isMap(r.b[r.pos]) {
		r.fail("meta is %s, not a map", kind(r.b[r.pos]))
		return nil
	}
	m := r.skip()
	if len(m) > MaxMetaBytes {
		r.fail("meta has %d bytes, above %d", len(m), MaxMetaBytes)
	}
	return m
}

// inputs reads 1 to [MaxInputs] texts.
func (r *reader) inputs() []string {
	list := r.strs()
	if len(list) == 0 {
		r.fail("inputs is empty")
	}
	return list
}
