// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may read /proc/timeslice, and with which ids?
 *
 * Root alone, unless the module was loaded with world_readable: the files show what all users'
 * threads do, and what they sleep in. A reader sees ids as its own PID namespace numbers them, as
 * of when it opened the file, and no thread that isn't visible there.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "observer.h"

static struct proc_dir_entry *directory;

struct pid_namespace *proc_namespace(struct seq_file *file)
{
	return file->private;
}

static int open_rows(struct file *file, const struct seq_operations *operations)
{
	int error = seq_open(file, operations);

	if (!error)
		((struct seq_file *)file->private_data)->private =
			get_pid_ns(task_active_pid_ns(current));
	return error;
}

static int open_threads(struct inode *inode, struct file *file)
{
	return open_rows(file, &threads_seq);
}

static int open_cores(struct inode *inode, struct file *file)
{
	return open_rows(file, &cores_seq);
}

static int release_rows(struct inode *inode, struct file *file)
{
	put_pid_ns(proc_namespace(file->private_data));
	return seq_release(inode, file);
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

/* Waits for those who are reading just now; who only has a file open reads nothing any more. */
void proc_unmake(void)
{
	proc_remove(directory);
	directory = NULL;
}
