package fastembed

import (
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// part is a reply of any kind, or one part of it.
type part interface {
	Common() *wire.Reply
	Span() (first, count uint32)
}

// assembly puts the parts of one attempt's answer together. Core NATS delivers
// at most once, so nothing is taken on trust: parts and rows are counted, and
// every part must continue the one before and come from the same worker.
type assembly[P part] struct {
	model, space string
	rows         int
	decode       func([]byte) (P, error)
	suits        func(p P, a *assembly[P]) error
	failed       []bool
	parts        []P
	got          int    // rows so far
	ragged       bool   // rows may go on in the next part
	held         uint32 // of the last row, where rows are ragged: how much there is
}

// add takes one message and says whether the answer is complete.
func (a *assembly[P]) add(m *nats.Msg) (done bool, err error) {
	if len(m.Data) == 0 && len(m.Header) == 0 {
		return false, badReply(m, fmt.Errorf("it ended after %d of %d rows", a.got, a.rows))
	}
	part, err := a.decode(m.Data)
	if err == nil {
		err = a.check(part)
	}
	if err == nil {
		done, err = a.number(m)
	}
	if err != nil {
		return false, badReply(m, err)
	}
	a.parts = append(a.parts, part)
	return done, nil
}

// check compares a part with the request and with the parts before it.
func (a *assembly[P]) check(part P) error {
	p := part.Common()
	first, count := part.Span()
	switch {
	case p.Model != a.model:
		return fmt.Errorf("it is of model %q, not %q", p.Model, a.model)
	case p.Space != a.space:
		return fmt.Errorf("it is of space %q, not %q", p.Space, a.space)
	case len(a.parts) > 0 && p.Instance != a.parts[0].Common().Instance:
		return fmt.Errorf("its parts are of instances %q and %q", a.parts[0].Common().Instance, p.Instance)
	case int(first) != a.got:
		return fmt.Errorf("a part begins at row %d, not %d", first, a.got)
	case count == 0 && !a.ragged:
		return fmt.Errorf("a part has no rows")
	case int(count) > a.rows-a.got:
		return fmt.Errorf("it has more than %d rows", a.rows)
	}
	for _, e := range p.Errors {
		if e.Index < first || e.Index >= first+count || a.failed[e.Index] {
			return fmt.Errorf("an error is of row %d, which is in another part or failed already", e.Index)
		}
		a.failed[e.Index] = true
	}
	a.got += int(count)
	return a.suits(part, a)
}

// number checks the part's place, by its headers, and whether it is the last.
func (a *assembly[P]) number(m *nats.Msg) (last bool, err error) {
	place := len(a.parts)
	if got := m.Header.Get(wire.HeaderPart); got != strconv.Itoa(place) {
		return false, fmt.Errorf("part %d is numbered %q", place, got)
	}
	total := m.Header.Get(wire.HeaderParts)
	switch last = total != ""; {
	case last && total != strconv.Itoa(place+1):
		return false, fmt.Errorf("part %d is called the last of %q", place, total)
	case last != (a.got == a.rows) && (last || !a.ragged):
		return false, fmt.Errorf("part %d ends at row %d of %d", place, a.got, a.rows)
	}
	return last, nil
}
