// What programs on client-go do to a cluster, as one story: informers that fill their caches by watching alone, a leader elected by a
// Lease, writes retried on conflict, events recorded. It ends with the first thing that is not as it should be.
//
// It takes the cluster from KUBECONFIG; its one argument is the namespace to work in.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/retry"
)

const patience = 60 * time.Second

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// The requests that informers make.
type requests struct {
	next                http.RoundTripper
	lists, initialLists atomic.Int32
}

func (r *requests) RoundTrip(request *http.Request) (*http.Response, error) {
	query := request.URL.Query()
	switch {
	case query.Get("sendInitialEvents") == "true":
		r.initialLists.Add(1)
	case request.Method == http.MethodGet && query.Get("watch") == "":
		r.lists.Add(1)
	}
	return r.next.RoundTrip(request)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	if err := play(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(ctx context.Context, namespace string) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, *rest.Config, kubernetes.Interface, string) error{
		informed, elected, retried, recorded,
	} {
		if err := step(ctx, config, client, namespace); err != nil {
			return err
		}
	}
	return nil
}

// Three informers, typed, dynamic and of metadata alone, see the same objects, and list none.
func informed(ctx context.Context, config *rest.Config, client kubernetes.Interface, namespace string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	maps := client.CoreV1().ConfigMaps(namespace)
	for number := range 300 {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("early-%03d", number), Labels: map[string]string{"seen": "yes"}}}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create: %w", err)
		}
	}
	counted := &requests{}
	watching := rest.CopyConfig(config)
	watching.Wrap(func(next http.RoundTripper) http.RoundTripper { counted.next = next; return counted })
	indexers, err := start(ctx, watching, namespace)
	if err != nil {
		return err
	}
	if counted.initialLists.Load() != 3 || counted.lists.Load() != 0 {
		return fmt.Errorf("%d streaming lists and %d lists, expected 3 and 0", counted.initialLists.Load(), counted.lists.Load())
	}
	if err := all(ctx, indexers, 300); err != nil {
		return err
	}
	late := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late", Labels: map[string]string{"seen": "yes"}}}
	if _, err := maps.Create(ctx, late, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if err := all(ctx, indexers, 301); err != nil {
		return err
	}
	selected := metav1.ListOptions{LabelSelector: "seen=yes"}
	if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, selected); err != nil {
		return fmt.Errorf("delete collection: %w", err)
	}
	return all(ctx, indexers, 0)
}

func start(ctx context.Context, config *rest.Config, namespace string) ([]cache.SharedIndexInformer, error) {
	tweak := func(options *metav1.ListOptions) { options.LabelSelector = "seen=yes" }
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	partial, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(typed, 0, informers.WithNamespace(namespace), informers.WithTweakListOptions(tweak))
	watchers := []cache.SharedIndexInformer{
		factory.Core().V1().ConfigMaps().Informer(),
		dynamicinformer.NewFilteredDynamicInformer(untyped, configMaps, namespace, 0, cache.Indexers{}, tweak).Informer(),
		metadatainformer.NewFilteredMetadataInformer(partial, configMaps, namespace, 0, cache.Indexers{}, tweak).Informer(),
	}
	synced := make([]cache.InformerSynced, 0, len(watchers))
	for _, watcher := range watchers {
		go watcher.Run(ctx.Done())
		synced = append(synced, watcher.HasSynced)
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !cache.WaitForCacheSync(within.Done(), synced...) {
		return nil, fmt.Errorf("the caches are not filled within %v", patience)
	}
	return watchers, nil
}

// Waits until each cache holds that many.
func all(ctx context.Context, watchers []cache.SharedIndexInformer, count int) error {
	var seen []int
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		seen = seen[:0]
		full := true
		for _, watcher := range watchers {
			held := len(watcher.GetStore().ListKeys())
			seen = append(seen, held)
			full = full && held == count
		}
		return full, nil
	})
	if err != nil {
		return fmt.Errorf("the caches hold %v, not %d: %w", seen, count, err)
	}
	return nil
}

// Of two candidates one leads; when it gives up, the other does.
func elected(ctx context.Context, config *rest.Config, client kubernetes.Interface, namespace string) error {
	leaders := make(chan string, 2)
	var running sync.WaitGroup
	defer running.Wait()
	stops := map[string]context.CancelFunc{}
	for _, name := range []string{"one", "other"} {
		within, stop := context.WithCancel(ctx)
		defer stop()
		stops[name] = stop
		lock, err := resourcelock.New(resourcelock.LeasesResourceLock, namespace, "leader", client.CoreV1(), client.CoordinationV1(),
			resourcelock.ResourceLockConfig{Identity: name})
		if err != nil {
			return err
		}
		running.Go(func() {
			leaderelection.RunOrDie(within, leaderelection.LeaderElectionConfig{
				Lock: lock, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond,
				ReleaseOnCancel: true,
				Callbacks: leaderelection.LeaderCallbacks{
					OnStartedLeading: func(context.Context) { leaders <- name },
					OnStoppedLeading: func() {},
				},
			})
		})
	}
	first, err := next(ctx, leaders)
	if err != nil {
		return err
	}
	stops[first]()
	second, err := next(ctx, leaders)
	if err != nil || second == first {
		return fmt.Errorf("%q led first, then %q: %v", first, second, err)
	}
	stops[second]()
	return nil
}

func next(ctx context.Context, leaders <-chan string) (string, error) {
	select {
	case name := <-leaders:
		return name, nil
	case <-time.After(patience):
		return "", fmt.Errorf("nobody leads within %v", patience)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Many writers of one object, each of which reads again when it came too late: no change is lost.
func retried(ctx context.Context, config *rest.Config, client kubernetes.Interface, namespace string) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	shared := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "shared"}}
	if _, err := maps.Create(ctx, shared, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	const writers = 8
	failed := make(chan error, writers)
	patient := wait.Backoff{Steps: 100, Duration: 5 * time.Millisecond, Factor: 1.1, Jitter: 0.5, Cap: time.Second}
	for writer := range writers {
		go func() {
			failed <- retry.RetryOnConflict(patient, func() error {
				object, err := maps.Get(ctx, "shared", metav1.GetOptions{})
				if err != nil {
					return err
				}
				if object.Data == nil {
					object.Data = map[string]string{}
				}
				object.Data[fmt.Sprint(writer)] = "was here"
				_, err = maps.Update(ctx, object, metav1.UpdateOptions{})
				return err
			})
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			return fmt.Errorf("update: %w", err)
		}
	}
	object, err := maps.Get(ctx, "shared", metav1.GetOptions{})
	if err != nil || len(object.Data) != writers {
		return fmt.Errorf("%d of %d changes are there: %v", len(object.Data), writers, err)
	}
	if err := maps.Delete(ctx, "shared", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("another")}); !apierrors.IsConflict(err) {
		return fmt.Errorf("deleted by another uid: %v", err)
	}
	return maps.Delete(ctx, "shared", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(object.UID))})
}

// Events that repeat are counted in one object.
func recorded(ctx context.Context, config *rest.Config, client kubernetes.Interface, namespace string) error {
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events(namespace)})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "informer"})
	about := &corev1.ObjectReference{Kind: "ConfigMap", APIVersion: "v1", Name: "absent", Namespace: namespace}
	for range 3 {
		recorder.Event(about, corev1.EventTypeNormal, "Looked", "looked at it")
	}
	selected := metav1.ListOptions{FieldSelector: "involvedObject.name=absent,reason=Looked"}
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		events, err := client.CoreV1().Events(namespace).List(ctx, selected)
		return err == nil && len(events.Items) == 1 && events.Items[0].Count == 3, err
	})
	if err != nil {
		return fmt.Errorf("one event that counts to three: %w", err)
	}
	return nil
}
