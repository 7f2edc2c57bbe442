// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where are a thread's figures kept, and when is their memory allocated and freed?
 *
 * Handlers find them by the task's address in a hash table, under RCU and without a lock: they run
 * with a run queue's lock held, and waiting for a lock there makes the whole CPU wait.
 * Memory is allocated when a thread starts (for existing threads, at load), and freed after the
 * kernel has released the task: never by a handler of sched_switch, where even an allocation that
 * doesn't sleep may wake kswapd, which needs the lock that we hold.
 *
 * A new thread is reported with preemption off, where a real-time kernel can't allocate at all,
 * because the allocator's locks sleep there. So new threads take from a reserve, which a worker
 * refills in process context. If a burst of new threads empties it, other kernels allocate without
 * sleeping; on a real-time kernel the worker looks for the threads that were skipped, and adds
 * them.
 *
 * Each thread also has a slot in an array, for as long as it exists. Readers walk the slots: a walk
 * that is interrupted, or during which threads start and end, shows none twice and misses none that
 * existed all the time.
 */
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/llist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "observer.h"

/* Threads. Test builds have few, so that bursts of new threads empty it. */
#ifdef TIMESLICE_RESERVE
#define RESERVE TIMESLICE_RESERVE
#else
#define RESERVE 256
#endif

static struct kmem_cache *cache;
static LLIST_HEAD(reserve); /* removing requires `changes`, adding nothing */
static atomic_t reserved;
static atomic_t skipped; /* threads that found it empty, since the worker last ran */
static struct workqueue_struct *workers;
static void refill(struct work_struct *work);
static DECLARE_DELAYED_WORK(refilling, refill);
static struct hlist_head *buckets; /* by task */
static unsigned int bucket_bits;
static struct observed __rcu **slots;
static unsigned long *used_slots;
static unsigned int limit, end, lowest_free;
static struct table_counts counts;

/*
 * Serializes insertion and removal. Raw, because a new thread is reported by a tracepoint, with
 * preemption off: on a real-time kernel an ordinary spinlock would sleep there. With interrupts
 * off, because removal runs in a softirq, which may interrupt an insertion on the same CPU.
 */
static DEFINE_RAW_SPINLOCK(changes);

static struct hlist_head *bucket_of(struct task_struct *task)
{
	return &buckets[hash_ptr(task, bucket_bits)];
}

static void put_into_reserve(struct llist_node *node)
{
	llist_add(node, &reserve);
	atomic_inc(&reserved);
}

/* Not with one of the scheduler's locks held: wakes the worker before the reserve is empty. */
static struct llist_node *take_from_reserve(void)
{
	struct llist_node *node;
	unsigned long flags;

	raw_spin_lock_irqsave(&changes, flags);
	node = llist_del_first(&reserve);
	raw_spin_unlock_irqrestore(&changes, flags);
	if (!node || atomic_dec_return(&reserved) < RESERVE / 2)
		queue_delayed_work(workers, &refilling, 0);
	return node;
}

/* Test builds find no memory every third time. */
static bool is_scarce(void)
{
#ifdef TIMESLICE_RESERVE
	static atomic_t times;

	return atomic_inc_return(&times) % 3 == 2;
#else
	return false;
#endif
}

/* False: no memory is available without triggering the OOM killer. */
static bool fill_reserve(void)
{
	struct llist_node *node;

	if (is_scarce())
		return false;
	while (atomic_read(&reserved) < RESERVE) {
		node = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
		if (!node)
			return false;
		put_into_reserve(node);
	}
	return true;
}

static void empty_reserve(void)
{
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, llist_del_all(&reserve)) kmem_cache_free(cache, node);
	atomic_set(&reserved, 0);
}

int table_make(unsigned int max_threads)
{
	limit = max_threads;
	end = lowest_free = 0;
	bucket_bits = max(4, order_base_2(max_threads));
	cache = kmem_cache_create("timeslice_thread", sizeof(struct observed), 0,
				  SLAB_HWCACHE_ALIGN, NULL);
	buckets = kvcalloc(1U << bucket_bits, sizeof(*buckets), GFP_KERNEL);
	slots = kvcalloc(limit, sizeof(*slots), GFP_KERNEL);
	used_slots = kvcalloc(BITS_TO_LONGS(limit), sizeof(long), GFP_KERNEL);
	/* Unbound: where a real-time thread occupies a CPU, that CPU's own workers don't run. */
	workers = alloc_workqueue("timeslice", WQ_UNBOUND, 0);
	if (cache && buckets && slots && used_slots && workers && fill_reserve())
		return 0;
	table_unmake();
	return -ENOMEM;
}

static void free_observed(struct rcu_head *rcu)
{
	struct observed *thread = container_of(rcu, struct observed, rcu);

	put_task_struct(thread->task);
	kmem_cache_free(cache, thread);
}

/* With `changes` held. The memory is freed when no reader can hold it any more. */
static void take_out(struct observed *thread)
{
	hlist_del_rcu(&thread->by_task);
	RCU_INIT_POINTER(slots[thread->slot], NULL);
	__clear_bit(thread->slot, used_slots);
	WRITE_ONCE(lowest_free, min(lowest_free, thread->slot));
	counts.threads--;
	call_rcu(&thread->rcu, free_observed);
}

/* No handler is attached any more: nothing queues the worker. */
void table_clear(void)
{
	struct observed *thread;
	unsigned long flags;
	unsigned int slot;

	cancel_delayed_work_sync(&refilling);
	atomic_set(&skipped, 0);
	for (slot = 0; slot < end; slot++) {
		raw_spin_lock_irqsave(&changes, flags);
		thread = rcu_dereference_protected(slots[slot], lockdep_is_held(&changes));
		if (thread)
			take_out(thread);
		raw_spin_unlock_irqrestore(&changes, flags);
	}
	end = lowest_free = 0;
	counts = (struct table_counts){};
}

void table_unmake(void)
{
	if (slots)
		table_clear();
	rcu_barrier(); /* free_observed() is our code, and its cache is destroyed below */
	empty_reserve();
	if (workers)
		destroy_workqueue(workers);
	kvfree(slots);
	kvfree(used_slots);
	kvfree(buckets);
	kmem_cache_destroy(cache);
	slots = NULL;
	used_slots = NULL;
	buckets = NULL;
	cache = NULL;
	workers = NULL;
}

struct observed *table_find(struct task_struct *task)
{
	struct observed *thread;

	hlist_for_each_entry_rcu(thread, bucket_of(task),
				 by_task) if (thread->task == task) return thread;
	return NULL;
}

struct observed *table_at(unsigned int slot)
{
	return slot < limit ? rcu_dereference(slots[slot]) : NULL;
}

unsigned int table_end(void)
{
	return READ_ONCE(end);
}

struct table_counts table_counts(void)
{
	struct table_counts copy;
	unsigned long flags;

	raw_spin_lock_irqsave(&changes, flags);
	copy = counts;
	raw_spin_unlock_irqrestore(&changes, flags);
	return copy;
}

/* With `changes` held. False: the table is full. */
static bool put_in(struct observed *thread)
{
	thread->slot = find_next_zero_bit(used_slots, limit, lowest_free);
	if (thread->slot >= limit) {
		WRITE_ONCE(lowest_free, limit);
		counts.refused_limit++;
		return false;
	}
	__set_bit(thread->slot, used_slots);
	WRITE_ONCE(lowest_free, thread->slot + 1);
	WRITE_ONCE(end, max(end, thread->slot + 1));
	counts.threads++;
	hlist_add_head_rcu(&thread->by_task, bucket_of(thread->task));
	rcu_assign_pointer(slots[thread->slot], thread);
	return true;
}

/* Takes ownership of `thread`: it is in the table afterwards, or back in the reserve. */
static void add(struct observed *thread, struct task_struct *task)
{
	unsigned long flags;
	bool taken = false;

	memset(thread, 0, sizeof(*thread));
	thread->task = get_task_struct(task);
	thread->row.since_ns = ktime_get_mono_fast_ns();
	account_begin(thread, task);
	raw_spin_lock_irqsave(&changes, flags);
	if (!table_find(task)) /* both its start and the seeding may have found it */
		taken = put_in(thread);
	raw_spin_unlock_irqrestore(&changes, flags);
	if (taken)
		return;
	put_task_struct(task); /* not the last reference: the task is alive */
	put_into_reserve((struct llist_node *)thread);
}

static void refuse(u64 *reason, u64 threads)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&changes, flags);
	*reason += threads;
	raw_spin_unlock_irqrestore(&changes, flags);
}

/* A thread starts; its parent is running, with preemption off and none of the scheduler's locks. */
int table_add(struct task_struct *task)
{
	struct llist_node *node = take_from_reserve();

	if (!node && IS_ENABLED(CONFIG_PREEMPT_RT)) {
		atomic_inc(&skipped); /* first, or the worker might not see it */
		queue_delayed_work(workers, &refilling, 0);
		return -EAGAIN;
	}
	if (!node)
		node = kmem_cache_alloc(cache, GFP_NOWAIT | __GFP_NOWARN);
	if (!node) {
		refuse(&counts.refused_memory, 1);
		return -ENOMEM;
	}
	add((struct observed *)node, task);
	return 0;
}

/* The kernel releases the task: it will not be switched to or woken any more. */
void table_remove(struct task_struct *task)
{
	struct observed *thread;
	unsigned long flags;

	raw_spin_lock_irqsave(&changes, flags);
	thread = table_find(task);
	if (thread)
		take_out(thread);
	raw_spin_unlock_irqrestore(&changes, flags);
}

static bool is_full(void)
{
	return READ_ONCE(lowest_free) >= limit;
}

/*
 * As table_seed() does it, and for the same reasons. If the reserve is empty again, this thread and
 * those after it are skipped again. A thread that isn't found has ended or, if the table is full,
 * can't be told from those that were refused before.
 */
static void find_skipped(int threads)
{
	struct task_struct *process, *task;
	int error = 0;

	rcu_read_lock();
	for_each_process_thread(process, task)
	{
		if (is_full() || table_find(task))
			continue;
		error = table_add(task);
		if (error == -EAGAIN) /* it counts itself */
			goto empty;
		threads -= !error;
	}
	rcu_read_unlock();
	if (is_full() && threads > 0)
		refuse(&counts.refused_limit, threads);
	return;
empty:
	rcu_read_unlock();
	atomic_add(max(threads - 1, 0), &skipped);
}

/* The worker. While there is no memory at all, the skipped threads wait. */
static void refill(struct work_struct *work)
{
	bool filled = fill_reserve();
	int threads = atomic_xchg(&skipped, 0);

	if (threads && (filled || atomic_read(&reserved))) {
		find_skipped(threads);
	} else if (threads) {
		atomic_add(threads, &skipped);
		queue_delayed_work(workers, &refilling, HZ / 10);
	}
}

static unsigned int count_threads(void)
{
	struct task_struct *process, *task;
	unsigned int threads = 0;

	rcu_read_lock();
	for_each_process_thread(process, task) threads++;
	rcu_read_unlock();
	return threads;
}

/*
 * Memory for all existing threads, allocated while we may still sleep for it: for a few more than
 * were counted, but not for more than the limit.
 */
static struct llist_node *stock_up(void)
{
	unsigned int wanted = min(count_threads() + 64, limit);
	struct llist_node *stock = NULL, *node;

	while (wanted--) {
		node = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!node)
			break;
		node->next = stock;
		stock = node;
	}
	return stock;
}

/*
 * Called when the probes are attached: a thread that starts meanwhile is reported by them, or found
 * here, or both. One that ends meanwhile can't be inserted too late: its end is reported after a
 * grace period, so not before the end of this RCU section.
 */
int table_seed(void)
{
	struct llist_node *stock = stock_up(), *node;
	struct task_struct *process, *task;

	if (!stock)
		return -ENOMEM;
	rcu_read_lock();
	for_each_process_thread(process, task)
	{
		node = stock;
		if (!node) {
			table_add(task);
			continue;
		}
		stock = node->next;
		add((struct observed *)node, task);
	}
	rcu_read_unlock();
	while ((node = stock)) {
		stock = node->next;
		kmem_cache_free(cache, node);
	}
	return 0;
}
