package wire

// A DecodeError says that bytes are not the document that was asked for. Code
// is the answer the contract gives to that: invalid_request for a request,
// internal for a reply.
type DecodeError struct {
	Code Code
	Err  error
}

func (e *DecodeError) Error() string { return e.Err.Error() }

// Unwrap returns what was found wrong.
func (e *DecodeError) Unwrap() error { return e.Err }

// decode runs both passes over one document. The body registers the fields and
// reads them; what it finds wrong is kept in the reader.
func decode(b []byte, refusal Code, body func(r *reader)) error {
	err := check(b)
	if err == nil {
		r := reader{b: b}
		body(&r)
		err = r.err
	}
	if err != nil {
		return &DecodeError{Code: refusal, Err: err}
	}
	return nil
}

func ptr[T any](v T) *T { return &v }
