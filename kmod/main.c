// SPDX-License-Identifier: GPL-2.0-only
/*
 * In which order are the module's parts set up and torn down, and which parameters control that?
 *
 * While loaded, it counts what the scheduler does with each thread and each CPU, and shows it in
 * /proc/timeslice. If told to, it also streams each event. Unloaded, it leaves nothing behind: what
 * is set up first is torn down last, and each step waits until nothing uses what it frees.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "observer.h"

static unsigned int max_threads = 32768;
module_param(max_threads, uint, 0444);
MODULE_PARM_DESC(max_threads, "maximum number of threads, 16 to 4194304; others are only counted");

static bool world_readable;
module_param(world_readable, bool, 0444);
MODULE_PARM_DESC(world_readable, "let all users read /proc/timeslice, not only root");

static bool selftest;
module_param(selftest, bool, 0444);
MODULE_PARM_DESC(selftest, "test the accounting at load; if a check fails, refuse to load");

/*
 * Attaching sleeps, and must not run concurrently: for two writers in sysfs, or for one of them and
 * an unload. `ready` is set from the end of init to the beginning of exit.
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
		table_clear(); /* stale figures are not shown */
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

/* A parameter that takes effect when it is set; before the end of init it is only stored. */
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
MODULE_PARM_DESC(enabled, "count events; off detaches and discards all figures, on starts again");

static const struct kernel_param_ops stream_ops = {.set = set_stream, .get = param_get_bool};
module_param_cb(stream, &stream_ops, &stream, 0644);
MODULE_PARM_DESC(stream, "write a record of each event to debugfs, timeslice/streamN");

static int check_parameters(void)
{
	if (max_threads < 16 || max_threads > 1U << 22 || !stream_parameters_valid()) {
		pr_err("timeslice: a parameter is out of range; see modinfo timeslice\n");
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
		stream = stream && !stream_on_off(true); /* a failure is logged, and seen here */
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
		pr_err("timeslice: not enough memory for %u threads; lower max_threads\n",
		       max_threads);
		return error;
	}
	if ((error = cores_make()))
		goto no_cores;
	if ((error = proc_make(world_readable)))
		goto no_proc;
	if ((error = switch_on()))
		goto not_on;
	pr_info("timeslice: observing %llu threads, %u at most; read /proc/timeslice/threads\n",
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
	pr_info("timeslice: unloaded; %llu threads exceeded the limit, %llu found no memory\n",
		counts.refused_limit, counts.refused_memory);
}

module_init(timeslice_init);
module_exit(timeslice_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts what the scheduler does with each thread and each CPU");
MODULE_VERSION("1");
