package wire

// SparseRequest asks for one sparse vector for each of its 1 to [MaxInputs]
// inputs. A nil pointer is a key that is absent and means its default.
type SparseRequest struct {
	Inputs   []string
	Truncate *bool   // default true
	Query    *bool   // default false
	Space    *string // default any
	Meta     []byte  // an encoded map, echoed byte for byte; nil when absent
}

// AppendSparseRequest appends the canonical bytes of the request.
func AppendSparseRequest(b []byte, q *SparseRequest) []byte {
	b = appendMapHeader(b, count(1, q.Truncate != nil, q.Query != nil, q.Space != nil, q.Meta != nil))
	b = appendStrs(appendStr(b, "inputs"), q.Inputs)
	b = appendOption(b, "truncate", q.Truncate, appendBool)
	b = appendOption(b, "query", q.Query, appendBool)
	b = appendOption(b, "space", q.Space, appendStr)
	return appendMeta(b, q.Meta)
}

// DecodeSparseRequest reads a request; Meta stays in place in b. Its error is a
// *[DecodeError].
func DecodeSparseRequest(b []byte) (*SparseRequest, error) {
	q := &SparseRequest{}
	err := decode(b, CodeInvalidRequest, func(r *reader) {
		r.fields("", true, []field{
			{"inputs", true, func() { q.Inputs = r.inputs() }},
			{"truncate", false, func() { q.Truncate = ptr(r.bool()) }},
			{"query", false, func() { q.Query = ptr(r.bool()) }},
			{"space", false, func() { q.Space = ptr(r.str()) }},
			{"meta", false, func() { q.Meta = r.meta() }},
		})
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// SparseReply is a whole reply, or one part of it.
type SparseReply struct {
	Reply
	Sparse SparseBlock
}

// Span says which rows of the result the reply holds.
func (t *SparseReply) Span() (first, count uint32) { return t.Sparse.First, t.Sparse.Count }

// AppendSparseReply appends the canonical bytes of the reply.
func AppendSparseReply(b []byte, t *SparseReply) []byte {
	b = t.appendHead(b, 3)
	b = appendSparse(appendStr(b, "sparse"), &t.Sparse)
	return t.appendTail(t.appendTokens(b))
}

// DecodeSparseReply reads a reply or a part of one; packed numbers and Meta stay
// in place in b. Its error is a *[DecodeError].
func DecodeSparseReply(b []byte) (*SparseReply, error) {
	t := &SparseReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.reply(&t.Reply, r.ofTexts(&t.Reply, true,
			field{"sparse", true, func() { r.sparse(&t.Sparse) }})...)
		r.counts(&t.Reply, t.Sparse.Count)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}
