package fastembed

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

var random = rand.New(rand.NewPCG(7, 11))

func randomVector(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = random.Float32()*2 - 1
	}
	return v
}

func naiveDot(x, y []float32) (sum float64) {
	for i := range x {
		sum += float64(x[i]) * float64(y[i])
	}
	return sum
}

func near(t *testing.T, what string, got float32, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(float64(got)) || math.Abs(float64(got)-want) > tolerance {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}

func TestDotAndCosineAreThoseOfTheirDefinition(t *testing.T) {
	for n := range 70 {
		x, y := randomVector(n), randomVector(n)
		near(t, "a dot product", Dot(x, y), naiveDot(x, y), 1e-5)
		want := 0.0
		if n > 0 {
			want = naiveDot(x, y) / math.Sqrt(naiveDot(x, x)*naiveDot(y, y))
		}
		near(t, "a cosine", Cosine(x, y), want, 1e-5)
	}
	near(t, "the cosine with zeros", Cosine([]float32{1, 2}, []float32{0, 0}), 0, 0)
	near(t, "a dot product of unequal lengths", Dot([]float32{1, 2, 3}, []float32{4, 5}), 14, 0)
}

func TestHammingCountsTheBitsThatDiffer(t *testing.T) {
	for n := range 40 {
		x, y := make([]byte, n), make([]byte, n)
		for i := range x {
			x[i], y[i] = byte(random.Uint32()), byte(random.Uint32())
		}
		want := 0
		for bit := range 8 * n {
			if x[bit/8]>>(bit%8)&1 != y[bit/8]>>(bit%8)&1 {
				want++
			}
		}
		if got := Hamming(x, y); got != want {
			t.Errorf("%d bytes: %d bits, not %d", n, got, want)
		}
	}
}

// i8Row packs as the contract has it: the largest number becomes 127.
func i8Row(v []float32) []byte {
	largest := float32(0)
	for _, x := range v {
		largest = max(largest, float32(math.Abs(float64(x))))
	}
	scale := largest / 127
	row := binary.LittleEndian.AppendUint32(nil, math.Float32bits(scale))
	for _, x := range v {
		step := 0.0
		if scale > 0 {
			step = math.Round(float64(x / scale))
		}
		row = append(row, byte(int8(step)))
	}
	return row
}

func TestI8RowsAreComparedAsTheVectorsTheyStandFor(t *testing.T) {
	for n := 1; n < 70; n++ {
		x, y := i8Row(randomVector(n)), i8Row(randomVector(n))
		a := wire.AppendRow(nil, wire.EncodingI8, n, x)
		b := wire.AppendRow(nil, wire.EncodingI8, n, y)
		near(t, "a dot product", DotI8(x, y), naiveDot(a, b), 1e-5)
		near(t, "a cosine", CosineI8(x, y), naiveDot(a, b)/math.Sqrt(naiveDot(a, a)*naiveDot(b, b)), 1e-5)
	}
	zero, one := i8Row([]float32{0, 0}), i8Row([]float32{1, -1})
	near(t, "the cosine with zeros", CosineI8(zero, one), 0, 0)
	near(t, "the cosine of a broken row", CosineI8(one[:3], one), 0, 0)
	near(t, "the dot product of a broken row", DotI8(nil, one), 0, 0)
	// 127 × 127 in each of very many places leaves what 32 bits hold.
	long := slices.Repeat([]byte{127}, 4+200_000)
	binary.LittleEndian.PutUint32(long, math.Float32bits(1))
	near(t, "a long dot product", DotI8(long, long), 127*127*200_000, 1000)
}

func TestSparseDotMeetsEqualIndicesOnly(t *testing.T) {
	for range 200 {
		dense := [2][]float64{make([]float64, 64), make([]float64, 64)}
		var sparse [2]SparseEmbedding
		for side := range sparse {
			for i := range 64 {
				if random.IntN(4) == 0 {
					value := random.Float32()
					dense[side][i] = float64(value)
					sparse[side].Indices = append(sparse[side].Indices, uint32(i))
					sparse[side].Values = append(sparse[side].Values, value)
				}
			}
		}
		want := 0.0
		for i := range 64 {
			want += dense[0][i] * dense[1][i]
		}
		near(t, "a sparse dot product", sparse[0].Dot(sparse[1]), want, 1e-5)
	}
	near(t, "the dot product with nothing", SparseEmbedding{}.Dot(SparseEmbedding{Indices: []uint32{1}, Values: []float32{1}}), 0, 0)
}

func TestMaxSimSumsTheBestOfEachQueryVector(t *testing.T) {
	matrix := func(rows int) [][]float32 {
		m := make([][]float32, rows)
		for i := range m {
			m[i] = randomVector(16)
		}
		return m
	}
	for range 50 {
		query, document := matrix(random.IntN(5)), matrix(1+random.IntN(9))
		want := 0.0
		for _, q := range query {
			best := math.Inf(-1)
			for _, d := range document {
				best = math.Max(best, naiveDot(q, d))
			}
			want += best
		}
		near(t, "a late interaction", MaxSim(query, document), want, 1e-5)
	}
	near(t, "the similarity with nothing", MaxSim(matrix(3), nil), 0, 0)
	// The best of a query vector may be negative.
	near(t, "a negative similarity", MaxSim([][]float32{{1}}, [][]float32{{-3}, {-2}}), -2, 0)
}

func TestTopKIsTheHeadOfAllSorted(t *testing.T) {
	var hits []Hit
	for range 500 {
		n, k := random.IntN(60), random.IntN(70)-2
		scores := make([]float32, n)
		var want []Hit
		for i := range scores {
			scores[i] = float32(random.IntN(9)) // with many ties
			if scores[i] > 0 {
				want = append(want, Hit{Index: i, Score: scores[i]})
			}
		}
		slices.SortStableFunc(want, func(x, y Hit) int { return int(y.Score) - int(x.Score) })
		want = want[:max(0, min(k, len(want)))]
		hits = TopK(hits, k, n, func(i int) (float32, bool) { return scores[i], scores[i] > 0 })
		if !slices.Equal(hits, want) {
			t.Fatalf("the best %d of %v are %v, not %v", k, scores, hits, want)
		}
	}
}

func TestNearestLeavesOutVectorsThatAreNotThere(t *testing.T) {
	vectors := [][]float32{{0, 1, 0}, nil, {1, 0, 0}, {0.7, 0.7, 0}, {5, 0, 0}}
	hits := Nearest([]float32{1, 0, 0}, vectors, 3)
	if len(hits) != 3 || hits[0].Index != 2 || hits[1].Index != 4 || hits[2].Index != 3 {
		t.Errorf("got %v", hits)
	}
	if hits := Nearest([]float32{1, 0, 0}, vectors, 10); len(hits) != 4 {
		t.Errorf("got %v", hits)
	}
}

func TestComparingAllocatesNothing(t *testing.T) {
	x, y := randomVector(384), randomVector(384)
	a, b := i8Row(x), i8Row(y)
	s := SparseEmbedding{Indices: []uint32{1, 5}, Values: []float32{1, 2}}
	hits := make([]Hit, 0, 10)
	scores := randomVector(1000)
	for name, compare := range map[string]func(){
		"Cosine":   func() { Cosine(x, y) },
		"CosineI8": func() { CosineI8(a, b) },
		"DotI8":    func() { DotI8(a, b) },
		"Hamming":  func() { Hamming(a, b) },
		"Dot":      func() { s.Dot(s) },
		"TopK":     func() { hits = TopK(hits, 10, len(scores), func(i int) (float32, bool) { return scores[i], true }) },
	} {
		if n := testing.AllocsPerRun(100, compare); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
