// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which parts does the observer have, and in which order do they come and go?
 *
 * Loaded, it counts what the scheduler does with each thread and each core, and shows it in
 * /proc/timeslice. Asked to, it also streams each event. Unloaded, it leaves nothing behind: what
 * begins first ends last, and each step back waits until nobody uses what it takes away.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "observer.h"
#include "parameters.h"

static unsigned int max_threads = 32768;
module_param(max_threads, uint, 0444);
MODULE_PARM_DESC(max_threads, "threads observed at most, 16 to 4194304; those beyond are counted");

static bool world_readable;
module_param(world_readable, bool, 0444);
MODULE_PARM_DESC(world_readable, "let everybody read /proc/timeslice, not root alone");

static bool selftest;
module_param(selftest, bool, 0444);
MODULE_PARM_DESC(selftest, "at load, try the accounting on made-up tasks, and refuse on a failure");

unsigned int stream_kib = 64;
module_param(stream_kib, uint, 0444);
MODULE_PARM_DESC(stream_kib, "size of one of the stream's sub-buffers, 4 to 4096 KiB");

unsigned int stream_buffers = 16;
module_param(stream_buffers, uint, 0444);
MODULE_PARM_DESC(stream_buffers, "sub-buffers of each core, 2 to 1024");

int stream_tgid;
module_param(stream_tgid, int, 0644);
MODULE_PARM_DESC(stream_tgid, "stream only events of this process's threads; 0: of all");

/*
 * Attaching sleeps, and must not be done twice at once: by two writers in sysfs, or by one of them
 * and an unload. `ready` says that init is through, and exit hasn't begun.
 */
static DEFINE_MUTEX(switching_on_and_off);
static bool ready, counting, streaming;
static bool enabled = true, stream;

static int count(bool on)
{
	int error = 0;

	if (on == counting)
		return 0;
	if (on) {
		cores_clear();
		error = probes_attach();
		if (!error && (error = table_seed()))
			probes_detach();
	} else {
		probes_detach();
	}
	if (!on || error)
		table_clear(); /* what isn't kept up to date isn't shown */
	counting = on && !error;
	return error;
}

static int stream_on_off(bool on)
{
	int error = 0;

	if (on == streaming)
		return 0;
	if (!on) {
		probes_detach_stream();
		stream_end();
	} else if (!(error = stream_make())) {
		error = probes_attach_stream();
	}
	streaming = on && !error;
	return error;
}

/* A switch that acts when it is set; before init is through it is only remembered. */
static int set_switch(const char *text, const struct kernel_param *param, int (*act)(bool))
{
	bool on, *value = param->arg;
	int error = kstrtobool(text ?: "1", &on);

	if (error)
		return error;
	mutex_lock(&switching_on_and_off);
	if (ready)
		error = act(on);
	if (!error)
		*value = on;
	mutex_unlock(&switching_on_and_off);
	return error;
}

static int set_enabled(const char *text, const struct kernel_param *param)
{
	return set_switch(text, param, count);
}

static int set_stream(const char *text, const struct kernel_param *param)
{
	return set_switch(text, param, stream_on_off);
}

static const struct kernel_param_ops enabled_ops = {.set = set_enabled, .get = param_get_bool};
module_param_cb(enabled, &enabled_ops, &enabled, 0644);
MODULE_PARM_DESC(enabled, "count; off forgets all and detaches, on begins anew");

static const struct kernel_param_ops stream_ops = {.set = set_stream, .get = param_get_bool};
module_param_cb(stream, &stream_ops, &stream, 0644);
MODULE_PARM_DESC(stream, "write a record of each event into debugfs/timeslice/streamN");

static int check_parameters(void)
{
	if (max_threads < 16 || max_threads > 1U << 22 || stream_kib < 4 || stream_kib > 4096 ||
	    stream_buffers < 2 || stream_buffers > 1024) {
		pr_err("timeslice: a parameter is out of its range (modinfo timeslice has them)\n");
		return -EINVAL;
	}
	return 0;
}

static int switch_on(void)
{
	int error;

	mutex_lock(&switching_on_and_off);
	error = count(enabled);
	if (!error)
		stream = stream && !stream_on_off(true); /* said in the log, and in the parameter */
	ready = !error;
	mutex_unlock(&switching_on_and_off);
	return error;
}

static int __init timeslice_init(void)
{
	int error = check_parameters();

	if (error)
		return error;
	if (selftest && selftest_run())
		return -EINVAL;
	if ((error = table_make(max_threads))) {
		pr_err("timeslice: no memory for %u threads; lower max_threads\n", max_threads);
		return error;
	}
	if ((error = cores_make()))
		goto no_cores;
	if ((error = proc_make(world_readable)))
		goto no_proc;
	if ((error = switch_on()))
		goto not_on;
	pr_info("timeslice: observing %llu threads, room for %u; read /proc/timeslice/threads\n",
		table_counts().threads, max_threads);
	return 0;

not_on:
	proc_unmake();
no_proc:
	cores_unmake();
no_cores:
	table_unmake();
	return error;
}

static void __exit timeslice_exit(void)
{
	struct table_counts counts = table_counts();

	mutex_lock(&switching_on_and_off);
	ready = false;
	stream_on_off(false);
	proc_unmake(); /* waits for readers */
	count(false);
	mutex_unlock(&switching_on_and_off);
	stream_unmake();
	cores_unmake();
	table_unmake();
	pr_info("timeslice: gone; %llu threads were refused for the limit, %llu for memory\n",
		counts.refused_limit, counts.refused_memory);
}

module_init(timeslice_init);
module_exit(timeslice_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts what the scheduler does with each thread and each core");
MODULE_VERSION("1");
