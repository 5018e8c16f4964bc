// Joint ranks documents three ways by what a joint model makes in one pass.
//
// Usage: joint [-model NAME]. It connects as examples/demo does.
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
	name := flag.String("model", "BGEM3Q", "the model's name")
	flag.Parse()
	if err := run(context.Background(), *name); err != nil {
		log.Fatal("joint: ", err)
	}
}

var documents = []string{
	"Jupiter is orbited by a moon larger than the planet Mercury.",
	"The choir rehearses in the old church on Thursday evenings.",
	"Drink plenty of water and rest until the fever is gone.",
}

func run(ctx context.Context, name string) error {
	client, end, err := dial.Client()
	if err != nil {
		return err
	}
	defer end()
	model, err := client.NewJointEmbedding(ctx, name)
	if err != nil {
		return err
	}
	found, err := model.Embed(ctx, documents, 0)
	if err != nil {
		return err
	}
	asked, err := model.Embed(ctx, []string{"what goes around the largest planet?"}, 0)
	if err != nil {
		return err
	}
	fmt.Println("   dense   sparse  colbert")
	q := asked[0]
	for i, d := range found {
		fmt.Printf("%8.3f %8.3f %8.3f  %s\n", fastembed.Cosine(q.Dense, d.Dense), q.Sparse.Dot(d.Sparse),
			fastembed.MaxSim(q.ColBERT, d.ColBERT)/float32(max(1, len(q.ColBERT))), documents[i])
	}
	return nil
}
