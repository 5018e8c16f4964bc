// Sparse finds documents by the words that a sparse model gives them.
//
// Usage: sparse [-model NAME]. It connects as examples/demo does.
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
	name := flag.String("model", "SPLADEPPV1", "the model's name")
	flag.Parse()
	if err := run(context.Background(), *name); err != nil {
		log.Fatal("sparse: ", err)
	}
}

var documents = []string{
	"Backups run at three and are copied to another building.",
	"A certificate expired at midnight and every login failed until morning.",
	"Knead the dough for ten minutes, then let it rise under a damp cloth.",
}

func run(ctx context.Context, name string) error {
	client, end, err := dial.Client()
	if err != nil {
		return err
	}
	defer end()
	model, err := client.NewSparseTextEmbedding(ctx, name)
	if err != nil {
		return err
	}
	found, err := model.PassageEmbed(ctx, documents, 0)
	if err != nil {
		return err
	}
	asked, err := model.QueryEmbed(ctx, []string{"nobody could sign in"}, 0)
	if err != nil {
		return err
	}
	hits := fastembed.TopK(nil, len(found), len(found), func(i int) (float32, bool) { return asked[0].Dot(found[i]), true })
	for _, hit := range hits {
		fmt.Printf("%8.3f  %3d words  %s\n", hit.Score, len(found[hit.Index].Indices), documents[hit.Index])
	}
	return nil
}
