package wire

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

// DecodeTextReply reads a reply or a part of one; Data and Meta stay in place
// in b. Its error is a *[DecodeError].
func DecodeTextReply(b []byte) (*TextReply, error) {
	t := &TextReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.reply(&t.Reply, r.ofTexts(&t.Reply, true,
			field{"embeddings", true, func() { r.vectors(&t.Embeddings) }})...)
		r.counts(&t.Reply, t.Embeddings.Count)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}
