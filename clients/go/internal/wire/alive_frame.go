package wire

// AliveFrame is a sign of life between a request and its reply.
type AliveFrame struct {
	Alive    bool // always true
	Instance string
}

// AppendAliveFrame appends the canonical bytes of the frame.
func AppendAliveFrame(b []byte, f *AliveFrame) []byte {
	b = appendMapHeader(b, 2)
	b = appendBool(appendStr(b, "alive"), f.Alive)
	return appendStr(appendStr(b, "instance"), f.Instance)
}

// DecodeAliveFrame reads a frame. Its error is a *[DecodeError].
func DecodeAliveFrame(b []byte) (*AliveFrame, error) {
	f := &AliveFrame{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.fields("", false, []field{
			{"alive", true, func() {
				if f.Alive = r.bool(); !f.Alive {
					r.fail("alive is false")
				}
			}},
			{"instance", true, func() { f.Instance = r.str() }},
		})
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}
