package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"testing"
)

// freeValue decodes any value that check accepts, as meta may hold.
func freeValue(t *testing.T, b []byte) any {
	t.Helper()
	r := &reader{b: b}
	v := r.free()
	if r.err != nil || r.pos != len(b) {
		t.Fatalf("%x: read %d of %d bytes: %v", b, r.pos, len(b), r.err)
	}
	return v
}

func (r *reader) free() any {
	lead := r.b[r.pos]
	switch head(lead).kind {
	case kindNil:
		r.pos++
		return nil
	case kindBool:
		return r.bool()
	case kindStr:
		return r.str()
	case kindBin:
		return base64.StdEncoding.EncodeToString(r.bin())
	case kindInt:
		return r.freeInt()
	case kindFloat:
		raw := r.skip()
		if len(raw) == 5 {
			return math.Float32frombits(binary.BigEndian.Uint32(raw[1:]))
		}
		return math.Float64frombits(binary.BigEndian.Uint64(raw[1:]))
	case kindArray:
		out := make([]any, r.arrayLen())
		for i := range out {
			out[i] = r.free()
		}
		return out
	default:
		out := map[string]any{}
		for range r.mapLen() {
			key := r.str()
			out[key] = r.free()
		}
		return out
	}
}

func (r *reader) freeInt() any {
	raw := r.skip()
	n := bigEndian(raw[1:])
	switch raw[0] {
	case 0xcc, 0xcd, 0xce, 0xcf:
		return n
	case 0xd0:
		return int64(int8(n))
	case 0xd1:
		return int64(int16(n))
	case 0xd2:
		return int64(int32(n))
	case 0xd3:
		return int64(n)
	default:
		return int64(int8(raw[0]))
	}
}

// same compares a plain value with one decoded from JSON, numbers by value.
func same(got, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for key := range w {
			if _, ok := g[key]; !ok || !same(g[key], w[key]) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !same(g[i], w[i]) {
				return false
			}
		}
		return true
	case json.Number:
		return sameNumber(got, w)
	default:
		return got == want
	}
}

func sameNumber(got any, want json.Number) bool {
	switch g := got.(type) {
	case float32:
		f, err := want.Float64()
		return err == nil && float32(f) == g
	case float64:
		f, err := want.Float64()
		return err == nil && f == g
	default:
		x, ok := new(big.Rat).SetString(fmt.Sprint(g))
		y, fine := new(big.Rat).SetString(want.String())
		return ok && fine && x.Cmp(y) == 0
	}
}
