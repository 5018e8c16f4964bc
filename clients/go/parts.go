package fastembed

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// assembly puts the parts of one attempt's answer together. Core NATS delivers
// at most once, so nothing is taken on trust: parts and rows are counted, and
// every part must continue the one before and come from the same worker.
type assembly struct {
	model, space string
	rows, dims   int
	failed       []bool
	parts        []*wire.TextReply
	got          int // rows so far
}

// add takes one message and says whether the answer is complete.
func (a *assembly) add(m *nats.Msg) (done bool, err error) {
	if len(m.Data) == 0 && len(m.Header) == 0 {
		return false, badReply(m, fmt.Errorf("it ended after %d of %d rows", a.got, a.rows))
	}
	part, err := wire.DecodeTextReply(m.Data)
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
func (a *assembly) check(p *wire.TextReply) error {
	v := &p.Embeddings
	switch {
	case p.Model != a.model:
		return fmt.Errorf("it is of model %q, not %q", p.Model, a.model)
	case p.Space != a.space:
		return fmt.Errorf("it is of space %q, not %q", p.Space, a.space)
	case len(a.parts) > 0 && p.Instance != a.parts[0].Instance:
		return fmt.Errorf("its parts are of instances %q and %q", a.parts[0].Instance, p.Instance)
	case v.Dtype != wire.EncodingF32:
		return fmt.Errorf("its vectors are %q, not %q", v.Dtype, wire.EncodingF32)
	case int(v.Dims) != a.dims:
		return fmt.Errorf("its vectors have %d dimensions, not %d", v.Dims, a.dims)
	case int(v.First) != a.got:
		return fmt.Errorf("a part begins at row %d, not %d", v.First, a.got)
	case v.Count == 0:
		return fmt.Errorf("a part has no rows")
	case int(v.Count) > a.rows-a.got:
		return fmt.Errorf("it has more than %d rows", a.rows)
	}
	for _, e := range p.Errors {
		if e.Index < v.First || e.Index >= v.First+v.Count || a.failed[e.Index] {
			return fmt.Errorf("an error is of row %d, which is in another part or failed already", e.Index)
		}
		a.failed[e.Index] = true
	}
	a.got += int(v.Count)
	return nil
}

// number checks the part's place, by its headers, and whether it is the last.
func (a *assembly) number(m *nats.Msg) (last bool, err error) {
	place := len(a.parts)
	if got := m.Header.Get(wire.HeaderPart); got != strconv.Itoa(place) {
		return false, fmt.Errorf("part %d is numbered %q", place, got)
	}
	total := m.Header.Get(wire.HeaderParts)
	switch last = total != ""; {
	case last && total != strconv.Itoa(place+1):
		return false, fmt.Errorf("part %d is called the last of %q", place, total)
	case last != (a.got == a.rows):
		return false, fmt.Errorf("part %d ends at row %d of %d", place, a.got, a.rows)
	}
	return last, nil
}

// vectors returns the rows of a part; those of failed items are nil.
func (a *assembly) vectors(p *wire.TextReply) [][]float32 {
	v := &p.Embeddings
	flat := make([]float32, int(v.Count)*a.dims)
	for i := range flat {
		flat[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.Data[4*i:]))
	}
	rows := make([][]float32, v.Count)
	for i := range rows {
		if !a.failed[int(v.First)+i] {
			rows[i] = flat[i*a.dims : (i+1)*a.dims : (i+1)*a.dims]
		}
	}
	return rows
}
