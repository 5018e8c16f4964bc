package wire

// ErrorReply is the body of an answer that is an error.
type ErrorReply struct {
	Code         uint32
	Name         string
	Message      string
	Retry        string
	RetryAfterMs *uint32
	Limit        *uint64
}

// AppendErrorReply appends the canonical bytes of the reply.
func AppendErrorReply(b []byte, e *ErrorReply) []byte {
	b = appendMapHeader(b, count(4, e.RetryAfterMs != nil, e.Limit != nil))
	b = appendUint(appendStr(b, "code"), uint64(e.Code))
	b = appendStr(appendStr(b, "name"), e.Name)
	b = appendStr(appendStr(b, "message"), e.Message)
	b = appendStr(appendStr(b, "retry"), e.Retry)
	if e.RetryAfterMs != nil {
		b = appendUint(appendStr(b, "retry_after_ms"), uint64(*e.RetryAfterMs))
	}
	if e.Limit != nil {
		b = appendUint(appendStr(b, "limit"), *e.Limit)
	}
	return b
}

// DecodeErrorReply reads a reply. Its error is a *[DecodeError].
func DecodeErrorReply(b []byte) (*ErrorReply, error) {
	e := &ErrorReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.fields("", false, []field{
			{"code", true, func() { e.Code = r.uint32() }},
			{"name", true, func() { e.Name = r.str() }},
			{"message", true, func() { e.Message = r.str() }},
			{"retry", true, func() {
				e.Retry = r.str()
				switch e.Retry {
				case RetryNever, RetryElsewhere, RetryOnce:
				default:
					r.fail("retry is %s", quote([]byte(e.Retry)))
				}
			}},
			{"retry_after_ms", false, func() { e.RetryAfterMs = ptr(r.uint32()) }},
			{"limit", false, func() { e.Limit = ptr(r.uint64()) }},
		})
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}
