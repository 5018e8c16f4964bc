package test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// callIn is the deadline of every call of the first two soak tests.
const callIn = 30 * time.Second

// embedSome makes one call and checks what it brings.
func embedSome(c *corpus, model *fastembed.TextEmbedding, texts, batch int) (time.Duration, error) {
	input, check := c.some(texts)
	ctx, cancel := context.WithTimeout(context.Background(), callIn)
	defer cancel()
	start := time.Now()
	vectors, err := model.Embed(ctx, input, batch)
	took := time.Since(start)
	if err == nil {
		err = check(vectors)
	}
	return took, err
}

func TestSoakKilledWorkersCostNoCall(t *testing.T) {
	s := startServer(t, 1<<20)
	before := goleak.IgnoreCurrent()
	config := fakeModel("delay_ms = 20") + realModel
	var workers []*worker
	for range 3 {
		workers = append(workers, startWorker(t, s, config))
	}
	nc := connect(t, s)
	client := clientOn(t, nc)
	fake, real := newModel(t, client, "Fake"), newModel(t, client, "AllMiniLML6V2")
	hashes := known(t, fake, numbered(500), slices.Equal[[]float32])
	sentences, vectors, _, _ := references(t)
	meanings := &corpus{sentences, vectors, func(got, known []float32) bool { return cosine(got, known) >= 0.99999 }}

	count := newTally(t)
	stop := make(chan struct{})
	load := func(c *corpus, model *fastembed.TextEmbedding, texts, batch int) func() bool {
		return func() bool {
			count.add(embedSome(c, model, 1+rand.IntN(texts), batch))
			select {
			case <-stop:
				return false
			default:
				return true
			}
		}
	}
	waits := []func(){
		callers(6, load(hashes, fake, 40, 10)),
		callers(2, load(meanings, real, 6, 2)),
	}
	pace := time.NewTicker(2 * time.Second)
	defer pace.Stop()
	for range soakSize(60) {
		<-pace.C
		victim := rand.IntN(len(workers))
		workers[victim].kill(t)
		workers[victim] = startWorker(t, s, config) // ready when it returns
	}
	close(stop)
	for _, wait := range waits {
		wait()
	}
	count.report()

	client.Close()
	nc.Close()
	for _, w := range workers {
		w.stop(t)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestSoakRestartsOfTheServerCostNoCall(t *testing.T) {
	s := startServer(t, 1<<20)
	before := goleak.IgnoreCurrent()
	workers := []*worker{startWorker(t, s, fakeModel("delay_ms = 1")), startWorker(t, s, fakeModel("delay_ms = 1"))}
	nc := connect(t, s)
	client := clientOn(t, nc)
	model := newModel(t, client, "Fake")
	hashes := known(t, model, numbered(500), slices.Equal[[]float32])

	calls, restarts := soakSize(10_000), soakSize(20)
	count := newTally(t)
	todo, answers := make(chan int, calls), make(chan int, 2*calls)
	for i := range calls {
		todo <- i
	}
	close(todo)
	wait := callers(16, func() bool {
		i, more := <-todo
		if more {
			count.add(embedSome(hashes, model, 1+rand.IntN(30), 5))
			answers <- i
		}
		return more
	})
	step := calls / (restarts + 1)
	for n := range calls {
		await(t, answers, "an answer")
		if n%step == 0 && n > 0 && restarts > 0 {
			restarts--
			s.end(t, []os.Signal{os.Kill, syscall.SIGTERM}[restarts%2])
			s.start(t)
		}
	}
	wait()
	if len(answers) != 0 {
		t.Errorf("%d answers too many", len(answers))
	}
	if restarts != 0 {
		t.Errorf("%d restarts are missing", restarts)
	}
	count.report()

	client.Close()
	nc.Close()
	for _, w := range workers {
		w.stop(t)
	}
	if err := goleak.Find(append([]goleak.Option{before}, serverGoroutine)...); err != nil {
		t.Error(err)
	}
}

// serverGoroutine waits for the end of a server that was started again.
var serverGoroutine = goleak.IgnoreAnyFunction("github.com/fastembed-nats/fastembed-nats/clients/go/test.(*server).start.func1")
