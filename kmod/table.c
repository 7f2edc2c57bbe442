// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where are a thread's figures, and who takes and gives back their memory?
 *
 * Handlers find them by the task's address in a hash table, under RCU and without a lock: they run
 * with a run queue's lock held, and waiting for a lock there makes the whole CPU wait.
 * Memory is given to a thread when it begins (and, to those that live already, at load), and taken
 * back after the kernel has let go of the task: never by a handler of sched_switch, where even an
 * allocation that doesn't sleep may wake kswapd, for which it needs the lock that we hold.
 *
 * A birth is told with preemption off, where a real-time kernel can allocate nothing at all, for
 * the allocator's locks sleep there. So births take from a reserve, which a worker fills up in
 * process context. Where a burst of births finds it empty, other kernels allocate without sleeping;
 * on a real-time kernel the worker looks for the threads that were passed over, and puts them in.
 *
 * Each thread also has a slot in an array, for as long as it lives. Readers walk the slots: a walk
 * that is interrupted, or that goes on while threads come and go, shows none twice and misses none
 * that lived all the while.
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

/* Threads. A build for tests has few, so that bursts of births find none. */
#ifdef TIMESLICE_RESERVE
#define RESERVE TIMESLICE_RESERVE
#else
#define RESERVE 256
#endif

static struct kmem_cache *cache;
static LLIST_HEAD(reserve); /* taken from with `changes` held, added to by anybody */
static atomic_t reserved;
static atomic_t passed_over; /* births that found it empty, since the worker last looked */
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
 * Serializes births and deaths. Raw, for a birth is told by a tracepoint, with preemption off: on a
 * real-time kernel an ordinary spinlock would sleep there. With interrupts off, for a death is told
 * from a softirq, which could hit a birth on the same core.
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

/* Anywhere without a lock of the scheduler's: the worker is woken before the reserve is empty. */
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

/* A build for tests finds no memory each third time. */
static bool is_scarce(void)
{
#ifdef TIMESLICE_RESERVE
	static atomic_t times;

	return atomic_inc_return(&times) % 3 == 2;
#else
	return false;
#endif
}

/* False: there is no memory without the OOM killer. */
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
	/* Unbound, for where a real-time thread has a core for itself, no worker of that core runs.
	 */
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

/* With `changes` held. The memory goes when no reader can hold it any more. */
static void take_out(struct observed *thread)
{
	hlist_del_rcu(&thread->by_task);
	RCU_INIT_POINTER(slots[thread->slot], NULL);
	__clear_bit(thread->slot, used_slots);
	WRITE_ONCE(lowest_free, min(lowest_free, thread->slot));
	counts.threads--;
	call_rcu(&thread->rcu, free_observed);
}

/* With no handler attached: nobody calls the worker any more. */
void table_clear(void)
{
	struct observed *thread;
	unsigned long flags;
	unsigned int slot;

	cancel_delayed_work_sync(&refilling);
	atomic_set(&passed_over, 0);
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
	rcu_barrier(); /* free_observed() is our code, and its cache goes next */
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

/* Takes `thread` over: it is in the table afterwards, or was given back. */
static void add(struct observed *thread, struct task_struct *task)
{
	unsigned long flags;
	bool taken = false;

	memset(thread, 0, sizeof(*thread));
	thread->task = get_task_struct(task);
	thread->row.since_ns = ktime_get_mono_fast_ns();
	account_begin(thread, task);
	raw_spin_lock_irqsave(&changes, flags);
	if (!table_find(task)) /* both its birth and the seeding may have found it */
		taken = put_in(thread);
	raw_spin_unlock_irqrestore(&changes, flags);
	if (taken)
		return;
	put_task_struct(task); /* not the last: it lives */
	put_into_reserve((struct llist_node *)thread);
}

static void refuse(u64 *reason, u64 threads)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&changes, flags);
	*reason += threads;
	raw_spin_unlock_irqrestore(&changes, flags);
}

/* A thread begins; its parent is running, with preemption off and no lock of the scheduler's. */
int table_add(struct task_struct *task)
{
	struct llist_node *node = take_from_reserve();

	if (!node && IS_ENABLED(CONFIG_PREEMPT_RT)) {
		atomic_inc(&passed_over); /* first, or the worker might not see it */
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

/* The kernel lets go of the task: nobody will switch to it, or wake it, any more. */
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
 * As table_seed() does it, and for its reasons. Where the reserve is empty again, it and those
 * behind it are passed over again. Who isn't found has ended, or, in a full table, can't be told
 * from those that were refused before.
 */
static void find_passed_over(int births)
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
		births -= !error;
	}
	rcu_read_unlock();
	if (is_full() && births > 0)
		refuse(&counts.refused_limit, births);
	return;
empty:
	rcu_read_unlock();
	atomic_add(max(births - 1, 0), &passed_over);
}

/* The worker. Where there is no memory at all, those that were passed over wait for some. */
static void refill(struct work_struct *work)
{
	bool filled = fill_reserve();
	int births = atomic_xchg(&passed_over, 0);

	if (births && (filled || atomic_read(&reserved))) {
		find_passed_over(births);
	} else if (births) {
		atomic_add(births, &passed_over);
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
 * Memory for all that live, taken while we may still sleep for it: for a few more than there were
 * at the count, and for no more than will be let in.
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
 * Called when the probes are attached: a thread that begins meanwhile is told by them, or is found
 * here, or both. One that ends while we look can't be put in too late: its end is told after a
 * grace period, so not before this RCU section is over.
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
