package fastembed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Sentinels for every code of the protocol. An [Error], an [ItemError] and a
// [BatchError] match them with [errors.Is].
var (
	// ErrInvalidRequest means that the call breaks the contract, for example with
	// no texts, a text that is not UTF-8, or a model name with a slash.
	ErrInvalidRequest error = codeError(wire.CodeInvalidRequest.Name)
	// ErrModelNotFound means that no worker serves the model.
	ErrModelNotFound error = codeError(wire.CodeModelNotFound.Name)
	// ErrSpaceMismatch means that the workers' vectors are not of the space this
	// model was opened for.
	ErrSpaceMismatch error = codeError(wire.CodeSpaceMismatch.Name)
	// ErrPayloadTooLarge means that an input is longer than worker or bus allow.
	ErrPayloadTooLarge error = codeError(wire.CodePayloadTooLarge.Name)
	// ErrUnsupportedMediaType means that the worker does not read MessagePack.
	ErrUnsupportedMediaType error = codeError(wire.CodeUnsupportedMediaType.Name)
	// ErrInputTooLong means that a text has more tokens than the model takes and
	// the call forbids truncation.
	ErrInputTooLong error = codeError(wire.CodeInputTooLong.Name)
	// ErrOverloaded means that the workers' queues are full, or that nobody listens
	// just now.
	ErrOverloaded error = codeError(wire.CodeOverloaded.Name)
	// ErrCancelled means that the context was cancelled. An error that the client
	// makes of it matches [context.Canceled] too.
	ErrCancelled error = codeError(wire.CodeCancelled.Name)
	// ErrInternal means that the worker failed, or that its reply breaks the
	// contract.
	ErrInternal error = codeError(wire.CodeInternal.Name)
	// ErrDraining means that the worker is shutting down.
	ErrDraining error = codeError(wire.CodeDraining.Name)
	// ErrDeadlineExceeded means that the time of the call ran out. Such an error
	// matches [context.DeadlineExceeded] too.
	ErrDeadlineExceeded error = codeError(wire.CodeDeadlineExceeded.Name)
)

// Errors that are no codes of the protocol.
var (
	// ErrInvalidOption is wrapped by the errors of [New] and of options.
	ErrInvalidOption = errors.New("fastembed: invalid option")
	// ErrNotConnected is wrapped when the connection is closed or draining, and is
	// matched by a deadline error when the connection was down until then.
	ErrNotConnected = errors.New("fastembed: not connected to NATS")
	// ErrSilent is wrapped when worker after worker took the request and gave no
	// sign of life from then on, and is matched by a deadline error when the last
	// one before the deadline did. See [WithSignsOfLife].
	ErrSilent = errors.New("fastembed: the worker fell silent")
	// ErrClosed is returned by calls on a closed [Client] or model.
	ErrClosed = errors.New("fastembed: closed")
)

// codeError is a sentinel: the name of a code.
type codeError string

func (c codeError) Error() string { return "fastembed: " + string(c) }

// Retry says whether a failed call is worth another try.
type Retry string

const (
	// RetryNever says that the same call would fail again.
	RetryNever Retry = wire.RetryNever
	// RetryElsewhere says that another worker may answer it.
	RetryElsewhere Retry = wire.RetryElsewhere
	// RetryOnce says that one more try is worth it, not a second one.
	RetryOnce Retry = wire.RetryOnce
)

// Error is an error of the protocol. The client has already tried again where
// that was worth it; see [WithRetry].
type Error struct {
	// Code is the number of the error, in the manner of HTTP: 429 for overloaded.
	Code int
	// Name identifies the error: "overloaded". Match it with [errors.Is] and a
	// sentinel such as [ErrOverloaded].
	Name string
	// Message says what was wrong, for people. It holds no text of the caller.
	Message string
	// Retry says whether the call is worth another try.
	Retry Retry
	// Wire is true if a worker sent the error and false if the client found it.
	Wire bool
	// RetryAfter is the worker's wish for a pause before the next try; 0 if it
	// has none.
	RetryAfter time.Duration
	// Limit is the limit that was broken, in the unit of the Message; 0 if none.
	Limit uint64

	causes []error
}

// Error returns name, number and message.
func (e *Error) Error() string {
	return fmt.Sprintf("fastembed: %s (%d): %s", e.Name, e.Code, e.Message)
}

// Is reports whether target is the sentinel of this error's name.
func (e *Error) Is(target error) bool {
	name, ok := target.(codeError)
	return ok && string(name) == e.Name
}

// Unwrap returns what led to the error: the context's error when the context
// ended, and the last failure of an attempt before that.
func (e *Error) Unwrap() []error {
	if e.Name == wire.CodeDeadlineExceeded.Name && len(e.causes) == 0 {
		return []error{context.DeadlineExceeded}
	}
	return e.causes
}

// newError makes an error that the client found itself.
func newError(code wire.Code, format string, args ...any) *Error {
	return &Error{
		Code:    code.Number,
		Name:    code.Name,
		Message: fmt.Sprintf(format, args...),
		Retry:   Retry(code.Retry),
	}
}

// because adds causes, leaving out nil.
func (e *Error) because(causes ...error) *Error {
	e.causes = append(e.causes, slices.DeleteFunc(causes, func(c error) bool { return c == nil })...)
	return e
}

// contextError is the error of a call whose context has ended; last is the
// failure of the attempt before that, or nil.
func contextError(ctx context.Context, last error) *Error {
	code, what := wire.CodeCancelled, "the context was cancelled"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code, what = wire.CodeDeadlineExceeded, "the time of the call ran out"
	}
	cause := context.Cause(ctx)
	if cause == ctx.Err() {
		cause = nil
	}
	if last != nil {
		what += "; before that: " + last.Error()
	}
	return newError(code, "%s", what).because(ctx.Err(), cause, last)
}

// ItemError is the failure of one input of a call: a text, an image, or a
// document that is reranked.
type ItemError struct {
	// Index is the position of the input in the caller's slice.
	Index int
	// Err says why the input has no result.
	Err *Error
}

// Error returns the index of the input and why it failed.
func (e ItemError) Error() string { return fmt.Sprintf("input %d: %v", e.Index, e.Err) }

// Unwrap returns Err.
func (e ItemError) Unwrap() error { return e.Err }

// BatchError says that some inputs of a call have no result, while the others
// do. The vectors of those inputs are nil, and rerankings leave them out.
type BatchError struct {
	// Items holds one entry for each input that failed, by index. It is never
	// empty.
	Items []ItemError
}

// Error returns how many inputs failed, and why the first did.
func (e *BatchError) Error() string {
	if len(e.Items) == 1 {
		return fmt.Sprintf("fastembed: 1 input failed: %v", e.Items[0])
	}
	return fmt.Sprintf("fastembed: %d inputs failed, the first of them: %v", len(e.Items), e.Items[0])
}

// Unwrap returns the errors of the items.
func (e *BatchError) Unwrap() []error {
	list := make([]error, len(e.Items))
	for i, item := range e.Items {
		list[i] = item
	}
	return list
}
