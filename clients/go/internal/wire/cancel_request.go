package wire

// CancelRequest names 1 to [MaxCancelAttempts] attempts whose answers nobody
// waits for any more.
type CancelRequest struct {
	Attempts []string // 32 hexadecimal digits each, in lower case
}

// AppendCancelRequest appends the canonical bytes of the request.
func AppendCancelRequest(b []byte, q *CancelRequest) []byte {
	b = appendMapHeader(b, 1)
	return appendStrs(appendStr(b, "attempts"), q.Attempts)
}

// DecodeCancelRequest reads a request. Its error is a *[DecodeError].
func DecodeCancelRequest(b []byte) (*CancelRequest, error) {
	q := &CancelRequest{}
	err := decode(b, CodeInvalidRequest, func(r *reader) {
		r.fields("", true, []field{
			{"attempts", true, func() { q.Attempts = r.attempts() }},
		})
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

func (r *reader) attempts() []string {
	ids := r.strs()
	if len(ids) == 0 || len(ids) > MaxCancelAttempts {
		r.fail("%s has %d ids, not 1 to %d", r.key, len(ids), MaxCancelAttempts)
	}
	for _, id := range ids {
		if !isAttemptID(id) {
			r.fail("%s holds %s, which is no attempt id", r.key, quote([]byte(id)))
		}
	}
	return ids
}

func isAttemptID(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 32
}
