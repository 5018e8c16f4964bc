package fastembed

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// Dot returns the dot product of two vectors of equal length, which is the cosine
// of vectors of unit length. It stops where the shorter one ends.
func Dot(x, y []float32) float32 {
	n := min(len(x), len(y))
	x, y = x[:n], y[:n]
	var sum float32
	for i, a := range x {
		sum += a * y[i]
	}
	return sum
}

// Cosine returns the cosine of the angle between two vectors of equal length,
// from -1 to 1; 0 if one of them is all zeros.
func Cosine(x, y []float32) float32 {
	return ratio(Dot(x, y), float64(Dot(x, x))*float64(Dot(y, y)))
}

func ratio(dot float32, squares float64) float32 {
	if squares == 0 {
		return 0
	}
	return float32(float64(dot) / math.Sqrt(squares))
}

// Hamming returns the number of bits in which two rows of [EncodingUbinary] of
// equal length differ. It stops where the shorter one ends.
func Hamming(x, y []byte) int {
	n := min(len(x), len(y))
	x, y = x[:n], y[:n]
	distance, i := 0, 0
	for ; i+8 <= n; i += 8 {
		distance += bits.OnesCount64(binary.LittleEndian.Uint64(x[i:]) ^ binary.LittleEndian.Uint64(y[i:]))
	}
	for ; i < n; i++ {
		distance += bits.OnesCount8(x[i] ^ y[i])
	}
	return distance
}

// scaleBytes is the scale before the bytes of a row of [EncodingI8].
const scaleBytes = 4

// DotI8 returns the dot product of two rows of [EncodingI8] of equal length: that
// of the vectors they stand for. A row that is too short for its scale counts as
// zeros.
func DotI8(x, y []byte) float32 {
	if len(x) < scaleBytes || len(y) < scaleBytes {
		return 0
	}
	scale := float64(i8Scale(x)) * float64(i8Scale(y))
	return float32(float64(dotBytes(x[scaleBytes:], y[scaleBytes:])) * scale)
}

// CosineI8 returns the cosine of the angle between two rows of [EncodingI8] of
// equal length; 0 if one of them is all zeros. The scales do not matter, as long
// as they are not 0.
func CosineI8(x, y []byte) float32 {
	if len(x) < scaleBytes || len(y) < scaleBytes || i8Scale(x) == 0 || i8Scale(y) == 0 {
		return 0
	}
	x, y = x[scaleBytes:], y[scaleBytes:]
	return ratio(float32(dotBytes(x, y)), float64(dotBytes(x, x))*float64(dotBytes(y, y)))
}

func i8Scale(row []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(row)) }

// dotBytes is exact: 2^48 products of signed bytes fit into the sum.
func dotBytes(x, y []byte) int64 {
	n := min(len(x), len(y))
	x, y = x[:n], y[:n]
	var sum int64
	for i, a := range x {
		sum += int64(int8(a)) * int64(int8(y[i]))
	}
	return sum
}

// Dot returns the dot product of two sparse vectors, which is how sparse vectors
// are compared. Their indices rise.
func (s SparseEmbedding) Dot(t SparseEmbedding) float32 {
	var sum float32
	i, j := 0, 0
	for i < len(s.Indices) && j < len(t.Indices) {
		switch a, b := s.Indices[i], t.Indices[j]; {
		case a < b:
			i++
		case a > b:
			j++
		default:
			sum += s.Values[i] * t.Values[j]
			i, j = i+1, j+1
		}
	}
	return sum
}

// MaxSim returns ColBERT's late interaction of a query with a document: for each
// vector of the query the largest dot product with a vector of the document, and
// the sum of these. It is 0 if either has none. After Khattab and Zaharia, ColBERT
// (2020), https://arxiv.org/abs/2004.12832.
func MaxSim(query, document [][]float32) float32 {
	if len(document) == 0 {
		return 0
	}
	var sum float32
	for _, q := range query {
		best := float32(math.Inf(-1))
		for _, d := range document {
			best = max(best, Dot(q, d))
		}
		sum += best
	}
	return sum
}

// Hit is a vector that was found and how near it is.
type Hit struct {
	// Index is the vector's position.
	Index int
	// Score is more for nearer vectors.
	Score float32
}

// Nearest returns the k vectors with the largest cosine to the query, best first,
// equal ones by index; fewer if there are not so many. Vectors that are nil, as
// those of failed inputs, are left out.
func Nearest(query []float32, vectors [][]float32, k int) []Hit {
	hits := make([]Hit, 0, max(0, min(k, len(vectors))))
	return TopK(hits, k, len(vectors), func(i int) (float32, bool) {
		if vectors[i] == nil {
			return 0, false
		}
		return Cosine(query, vectors[i]), true
	})
}

// TopK finds the k largest of n scores and appends them to hits[:0], best first,
// equal ones by index. It is for vectors of any kind: score is called once for
// each position, in order, and returns false to leave it out, as should be done
// with what is not a number. It allocates only if hits has no room for k.
//
//	hits = fastembed.TopK(hits, 10, len(rows), func(i int) (float32, bool) {
//		return float32(-fastembed.Hamming(query, rows[i])), rows[i] != nil
//	})
func TopK(hits []Hit, k, n int, score func(i int) (float32, bool)) []Hit {
	hits = hits[:0]
	for i := range n {
		s, ok := score(i)
		hit := Hit{Index: i, Score: s}
		switch {
		case !ok || k <= 0:
		case len(hits) < k:
			hits = append(hits, hit)
			raise(hits)
		case better(hit, hits[0]):
			hits[0] = hit
			sink(hits)
		}
	}
	slices.SortFunc(hits, func(x, y Hit) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(x.Index, y.Index))
	})
	return hits
}

func better(x, y Hit) bool { return x.Score > y.Score || x.Score == y.Score && x.Index < y.Index }

// raise restores the heap, whose worst hit is the first, after one was added.
func raise(heap []Hit) {
	for at := len(heap) - 1; at > 0; {
		parent := (at - 1) / 2
		if !better(heap[parent], heap[at]) {
			return
		}
		heap[parent], heap[at] = heap[at], heap[parent]
		at = parent
	}
}

// sink restores the heap after its first hit was replaced.
func sink(heap []Hit) {
	for at := 0; ; {
		worst := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(heap); child++ {
			if better(heap[worst], heap[child]) {
				worst = child
			}
		}
		if worst == at {
			return
		}
		heap[at], heap[worst] = heap[worst], heap[at]
		at = worst
	}
}
