package wire

// Operators load and unload models with the nats CLI, and the client has no call for it. These two documents are
// written a second time here so that what the contract says of them is not only what the worker makes of it.

// AdminRequest names a model to load or unload.
type AdminRequest struct {
	Op       string
	Model    string
	Instance *string // nil: every worker
}

// AdminReply says what became of it in one worker.
type AdminReply struct {
	Instance string
	Op       string
	Model    string
	State    string
	Space    *string // nil where the model is not loaded
}

// AppendAdminRequest appends the canonical bytes of the request.
func AppendAdminRequest(b []byte, q *AdminRequest) []byte {
	b = appendMapHeader(b, count(2, q.Instance != nil))
	b = appendStr(appendStr(b, "op"), q.Op)
	b = appendStr(appendStr(b, "model"), q.Model)
	if q.Instance != nil {
		b = appendStr(appendStr(b, "instance"), *q.Instance)
	}
	return b
}

// DecodeAdminRequest reads a request. Its error is a *[DecodeError].
func DecodeAdminRequest(b []byte) (*AdminRequest, error) {
	q := &AdminRequest{}
	err := decode(b, CodeInvalidRequest, func(r *reader) {
		r.fields("", true, []field{
			{"op", true, func() { q.Op = r.str() }},
			{"model", true, func() { q.Model = r.str() }},
			{"instance", false, func() { q.Instance = ptr(r.str()) }},
		})
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// AppendAdminReply appends the canonical bytes of the reply.
func AppendAdminReply(b []byte, a *AdminReply) []byte {
	b = appendMapHeader(b, count(4, a.Space != nil))
	b = appendStr(appendStr(b, "instance"), a.Instance)
	b = appendStr(appendStr(b, "op"), a.Op)
	b = appendStr(appendStr(b, "model"), a.Model)
	b = appendStr(appendStr(b, "state"), a.State)
	if a.Space != nil {
		b = appendStr(appendStr(b, "space"), *a.Space)
	}
	return b
}

// DecodeAdminReply reads a reply. Its error is a *[DecodeError].
func DecodeAdminReply(b []byte) (*AdminReply, error) {
	a := &AdminReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.fields("", false, []field{
			{"instance", true, func() { a.Instance = r.str() }},
			{"op", true, func() { a.Op = r.str() }},
			{"model", true, func() { a.Model = r.str() }},
			{"state", true, func() { a.State = r.str() }},
			{"space", false, func() { a.Space = ptr(r.str()) }},
		})
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}
