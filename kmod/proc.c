// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may read /proc/timeslice, and what does it see there?
 *
 * Only root, unless the module was loaded with world_readable. And these files show no reader more
 * than the kernel's own files would:
 * - Ids are those of the reader's PID namespace; a thread that is not visible there has no row, and
 *   no name as another thread's waker or preemptor.
 * - Figures of the whole machine are for readers in the initial namespace, and for those with
 *   CAP_PERFMON. A container's root has neither.
 * - Arguments and stack pointers, which reveal a process's memory layout, need the right to trace.
 *   The kernel checks that per task, by a function that is not exported to modules; so we require
 *   the capability that permits it for all of them (CAP_SYS_PTRACE).
 * - If /proc is mounted with hidepid, other users' threads are hidden here as well.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "observer.h"

static struct proc_dir_entry *directory;

static bool hides_others(struct inode *inode)
{
	struct proc_fs_info *mount = proc_sb_info(inode->i_sb);

	if (mount->hide_pid == HIDEPID_OFF)
		return false;
	return mount->hide_pid == HIDEPID_NOT_PTRACEABLE || !in_group_p(mount->pid_gid);
}

static int open_rows(struct inode *inode, struct file *file,
		     const struct seq_operations *operations)
{
	struct reader *reader = __seq_open_private(file, operations, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->namespace = get_pid_ns(task_active_pid_ns(current));
	reader->uid = current_fsuid();
	reader->arguments = capable(CAP_SYS_PTRACE);
	reader->own_only = !reader->arguments && hides_others(inode);
	reader->whole_machine = reader->namespace == &init_pid_ns || perfmon_capable();
	return 0;
}

static int open_threads(struct inode *inode, struct file *file)
{
	return open_rows(inode, file, &threads_seq);
}

static int release_rows(struct inode *inode, struct file *file)
{
	struct reader *reader = proc_reader(file->private_data);

	put_pid_ns(reader->namespace);
	kvfree(reader->queues);
	return seq_release_private(inode, file);
}

static int open_cores(struct inode *inode, struct file *file)
{
	int error = open_rows(inode, file, &cores_seq);
	struct reader *reader;

	if (error)
		return error;
	reader = proc_reader(file->private_data);
	reader->queues = kvcalloc(nr_cpu_ids, sizeof(*reader->queues), GFP_KERNEL);
	if (reader->queues && reader->whole_machine)
		return 0;
	error = reader->whole_machine ? -ENOMEM : -EPERM;
	release_rows(inode, file);
	return error;
}

static const struct proc_ops threads_file = {
	.proc_open = open_threads,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = release_rows,
};

static const struct proc_ops cores_file = {
	.proc_open = open_cores,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = release_rows,
};

int proc_make(bool world_readable)
{
	umode_t mode = world_readable ? 0444 : 0400;

	directory = proc_mkdir("timeslice", NULL);
	if (directory && proc_create("threads", mode, directory, &threads_file) &&
	    proc_create("cores", mode, directory, &cores_file))
		return 0;
	proc_unmake();
	return -ENOMEM;
}

/* Waits for current readers. A file that is still open can't be read any more. */
void proc_unmake(void)
{
	proc_remove(directory);
	directory = NULL;
}
