package wire

import (
	"slices"
	"strings"
)

// JointRequest asks for several kinds of vectors of each of its 1 to
// [MaxInputs] inputs. A nil pointer is a key that is absent and means its
// default.
type JointRequest struct {
	Inputs   []string
	Truncate *bool    // default true
	Outputs  []string // of [Outputs], none twice; nil when absent: all
	Space    *string  // default any
	Meta     []byte   // an encoded map, echoed byte for byte; nil when absent
}

// AppendJointRequest appends the canonical bytes of the request.
func AppendJointRequest(b []byte, q *JointRequest) []byte {
	b = appendMapHeader(b, count(1, q.Truncate != nil, q.Outputs != nil, q.Space != nil, q.Meta != nil))
	b = appendStrs(appendStr(b, "inputs"), q.Inputs)
	b = appendOption(b, "truncate", q.Truncate, appendBool)
	if q.Outputs != nil {
		b = appendStrs(appendStr(b, "outputs"), q.Outputs)
	}
	b = appendOption(b, "space", q.Space, appendStr)
	return appendMeta(b, q.Meta)
}

// DecodeJointRequest reads a request; Meta stays in place in b. Its error is a
// *[DecodeError].
func DecodeJointRequest(b []byte) (*JointRequest, error) {
	q := &JointRequest{}
	err := decode(b, CodeInvalidRequest, func(r *reader) {
		r.fields("", true, []field{
			{"inputs", true, func() { q.Inputs = r.inputs() }},
			{"truncate", false, func() { q.Truncate = ptr(r.bool()) }},
			{"outputs", false, func() { q.Outputs = r.outputs() }},
			{"space", false, func() { q.Space = ptr(r.str()) }},
			{"meta", false, func() { q.Meta = r.meta() }},
		})
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

func (r *reader) outputs() []string {
	n := r.arrayLen()
	if n < 1 || n > len(Outputs) {
		r.fail("outputs has %d entries, not 1 to %d", n, len(Outputs))
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		name := r.str()
		if r.err == nil && (!slices.Contains(Outputs, name) || slices.Contains(list, name)) {
			r.fail("outputs has %s twice, or it is none of %s", quote([]byte(name)), strings.Join(Outputs, ", "))
		}
		list = append(list, name)
	}
	return list
}

// JointReply is a whole reply, or one part of it. What was not asked for is nil;
// what is there is of the same rows.
type JointReply struct {
	Reply
	Embeddings *VectorBlock
	Sparse     *SparseBlock
	ColBERT    *ColBERTBlock
}

// Span says which rows of the result begin in the reply. Where a row goes on,
// none does.
func (t *JointReply) Span() (first, count uint32) {
	switch {
	case t.goesOn():
		return t.ColBERT.First + 1, 0
	case t.Embeddings != nil:
		return t.Embeddings.First, t.Embeddings.Count
	case t.Sparse != nil:
		return t.Sparse.First, t.Sparse.Count
	case t.ColBERT != nil:
		return t.ColBERT.First, t.ColBERT.Count
	default:
		return 0, 0
	}
}

// AppendJointReply appends the canonical bytes of the reply.
func AppendJointReply(b []byte, t *JointReply) []byte {
	goesOn := t.goesOn()
	b = t.appendHead(b, count(0, t.Embeddings != nil, t.Sparse != nil, t.ColBERT != nil, !goesOn, !goesOn))
	b = appendOption(b, "embeddings", t.Embeddings, byValue(appendVectors))
	b = appendOption(b, "sparse", t.Sparse, byValue(appendSparse))
	b = appendOption(b, "colbert", t.ColBERT, byValue(appendColBERT))
	if !goesOn {
		b = t.appendTokens(b)
	}
	return t.appendTail(b)
}

// goesOn says whether the reply is a part that holds more vectors of a row that
// began in an earlier one, and nothing else.
func (t *JointReply) goesOn() bool { return t.ColBERT != nil && t.ColBERT.From > 0 }

// DecodeJointReply reads a reply or a part of one; packed numbers and Meta stay
// in place in b. Its error is a *[DecodeError].
func DecodeJointReply(b []byte) (*JointReply, error) {
	t := &JointReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.reply(&t.Reply, r.ofTexts(&t.Reply, false,
			field{"embeddings", false, func() { t.Embeddings = &VectorBlock{}; r.vectors(t.Embeddings) }},
			field{"sparse", false, func() { t.Sparse = &SparseBlock{}; r.sparse(t.Sparse) }},
			field{"colbert", false, func() { t.ColBERT = &ColBERTBlock{}; r.colbert(t.ColBERT) }})...)
		r.joined(t)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// joined compares the blocks with one another.
func (r *reader) joined(t *JointReply) {
	if t.Embeddings == nil && t.Sparse == nil && t.ColBERT == nil {
		r.fail("there is none of embeddings, sparse and colbert")
		return
	}
	if t.goesOn() {
		if t.Embeddings != nil || t.Sparse != nil || t.Tokens != nil || t.Truncated != nil || t.ColBERT.Count != 1 {
			r.fail("colbert.from is %d, where there is more than one row's vectors", t.ColBERT.From)
		}
		return
	}
	if t.Tokens == nil || t.Truncated == nil {
		r.fail("tokens or truncated is missing")
		return
	}
	first, count := t.Span()
	r.counts(&t.Reply, count)
	if s := t.Sparse; s != nil && (s.First != first || s.Count != count) {
		r.fail("sparse has rows %d + %d, not %d + %d", s.First, s.Count, first, count)
	}
	if c := t.ColBERT; c != nil && (c.First != first || c.Count != count) {
		r.fail("colbert has rows %d + %d, not %d + %d", c.First, c.Count, first, count)
	}
}
