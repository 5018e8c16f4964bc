package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// cosine is the cosine of the angle between two vectors of equal length.
func cosine(x, y []float32) float64 {
	var xy, xx, yy float64
	for i := range x {
		a, b := float64(x[i]), float64(y[i])
		xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
	}
	return xy / math.Sqrt(xx*yy)
}

// hit is a sentence of the corpus and how near it is to a query.
type hit struct {
	index int
	score float64
}

// rank orders the corpus by nearness to a query, nearest first.
func rank(query []float32, documents [][]float32) []hit {
	hits := make([]hit, len(documents))
	for i, d := range documents {
		hits[i] = hit{i, cosine(query, d)}
	}
	slices.SortFunc(hits, func(x, y hit) int {
		return cmp.Compare(y.score, x.score)
	})
	return hits
}

// leastCosine is how near a vector must be to the reference.
const leastCosine = 0.99999

// check compares what was found with what must be found.
func check(out io.Writer, documents, asked *fastembed.Embeddings, ref *reference) error {
	for i, q := range queries {
		if best := rank(asked.Vectors[i], documents.Vectors)[0]; best.index != q.want {
			return fmt.Errorf("for %q the first hit is %q, not %q", q.text, corpus[best.index], corpus[q.want])
		}
	}
	at := slices.Index(corpus, ref.Text)
	if at < 0 || len(documents.Vectors[at]) != len(ref.Vector) {
		return fmt.Errorf("the reference does not fit: %d numbers for %q", len(ref.Vector), ref.Text)
	}
	if n := documents.Tokens[at]; n != ref.Tokens {
		return fmt.Errorf("%q has %d tokens, the reference %d", ref.Text, n, ref.Tokens)
	}
	c := cosine(documents.Vectors[at], ref.Vector)
	fmt.Fprintf(out, "\nreference   cosine %.7f with the vector that PyTorch computes\n", c)
	if !(c >= leastCosine) {
		return fmt.Errorf("the vector of %q has cosine %.7f with the reference, below %v", ref.Text, c, leastCosine)
	}
	return nil
}
