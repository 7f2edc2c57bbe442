// SPDX-License-Identifier: GPL-2.0-only
/*
 * What did each CPU do: how often did it switch, how long was it busy, how long idle?
 *
 * Each CPU writes figures of its own, so they share no cache lines, and no lock is needed. A reader
 * on another CPU copies until no switch came in between, a thousand times at most, and adds the
 * time since the last switch.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/percpu.h>
#include <linux/timekeeping.h>

#include "observer.h"

struct core {
	struct core_figures figures;
	u64 since_ns; /* when the running thread got the CPU; 0: no switch seen yet */
	bool idle;    /* the running thread is the idle thread */
	seqcount_t switching;
};

static DEFINE_PER_CPU(struct core, cores);
static int hotplug_state = -1;

/* Before a CPU comes online: its time offline doesn't count as idle. It can't switch yet. */
static int forget_stretch(unsigned int cpu)
{
	per_cpu(cores, cpu).since_ns = 0;
	return 0;
}

void cores_clear(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct core *core = per_cpu_ptr(&cores, cpu);

		memset(core, 0, sizeof(*core));
		seqcount_init(&core->switching);
	}
}

int cores_make(void)
{
	cores_clear();
	hotplug_state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "timeslice:prepare",
						  forget_stretch, NULL);
	return min(hotplug_state, 0);
}

void cores_unmake(void)
{
	if (hotplug_state >= 0)
		cpuhp_remove_state_nocalls(hotplug_state);
	hotplug_state = -1;
}

static void end_stretch(struct core_figures *figures, const struct core *core, u64 now)
{
	if (!core->since_ns || now < core->since_ns)
		return;
	if (core->idle)
		figures->idle_ns += now - core->since_ns;
	else
		figures->busy_ns += now - core->since_ns;
}

/* On the CPU that switches, with its run queue's lock held: nothing else writes these. */
void cores_switched(struct task_struct *prev, struct task_struct *next, bool unseeded)
{
	struct core *core = this_cpu_ptr(&cores);
	u64 now = ktime_get_mono_fast_ns();

	raw_write_seqcount_begin(&core->switching);
	core->idle = prev->pid == 0;
	end_stretch(&core->figures, core, now);
	core->since_ns = now;
	core->idle = next->pid == 0;
	core->figures.switches++;
	core->figures.unseeded += unseeded;
	raw_write_seqcount_end(&core->switching);
}

static bool read_once(unsigned int cpu, struct core_figures *figures)
{
	struct core *core = per_cpu_ptr(&cores, cpu);
	unsigned int switching = raw_read_seqcount(&core->switching);

	if (switching & 1)
		return false;
	*figures = core->figures;
	if (cpu_online(cpu))
		end_stretch(figures, core, ktime_get_mono_fast_ns());
	return !read_seqcount_retry(&core->switching, switching);
}

/* Limited as account_copy() is, and for the same reason. */
bool cores_read(unsigned int cpu, struct core_figures *figures)
{
	unsigned int tries;

	for (tries = 0; tries < READER_TRIES; tries++) {
		if (read_once(cpu, figures))
			return true;
		cpu_relax();
	}
	return false;
}
