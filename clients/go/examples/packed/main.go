// Packed searches vectors of one bit a dimension, then looks closer at what was found with a byte a dimension.
//
// Usage: packed [-model NAME]. It connects as examples/demo does.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/examples/internal/dial"
)

func main() {
	log.SetFlags(0)
	name := flag.String("model", "AllMiniLML6V2", "the model's name")
	flag.Parse()
	if err := run(context.Background(), *name); err != nil {
		log.Fatal("packed: ", err)
	}
}

var documents = []string{
	"Roast the peppers until their skins are black, then peel them.",
	"The striker scored twice in the last five minutes of the final.",
	"Our train stood outside the station for an hour because of a broken signal.",
	"She ran the marathon in under three hours on a rainy Sunday.",
}

func run(ctx context.Context, name string) error {
	client, end, err := dial.Client()
	if err != nil {
		return err
	}
	defer end()
	model, err := client.NewTextEmbedding(ctx, name)
	if err != nil {
		return err
	}
	pack := func(texts []string, encoding fastembed.Encoding) (rows [][]byte) {
		if err != nil {
			return nil
		}
		var packed *fastembed.PackedEmbeddings
		if packed, err = model.EmbedPacked(ctx, texts, 0, encoding); err != nil {
			return nil
		}
		return packed.Rows
	}
	query := []string{"delays on the railway"}
	askedBits, bits := pack(query, fastembed.EncodingUbinary), pack(documents, fastembed.EncodingUbinary)
	asked, bytes := pack(query, fastembed.EncodingI8), pack(documents, fastembed.EncodingI8)
	if err != nil {
		return err
	}
	near := fastembed.TopK(nil, 3, len(bits), func(i int) (float32, bool) {
		return float32(-fastembed.Hamming(askedBits[0], bits[i])), true
	})
	best := fastembed.TopK(nil, 2, len(near), func(i int) (float32, bool) {
		return fastembed.CosineI8(asked[0], bytes[near[i].Index]), true
	})
	for _, hit := range best {
		found := near[hit.Index]
		fmt.Printf("%8.4f  %3.0f bits apart  %s\n", hit.Score, -found.Score, documents[found.Index])
	}
	return nil
}
