import { mkdir, rename, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { until } from './until.ts'
import { runProgram } from './run-program.ts'

const unmountWithinMs = 10_000

/** A file system of its own, in a file: with a size, and with a power switch. Disposing unmounts it. */
export interface DiskImage extends AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string
  /** Makes everything durable that was written so far. */
  sync(): Promise<void>
  /** Keeps what is on the disk at this moment, and nothing that is only in memory, for `revertToCopy`. */
  copy(): Promise<void>
  /** Puts the copy in place of the disk, as after a power cut. Nobody may use the disk any more. */
  revertToCopy(): Promise<void>
  /** Takes all free space. */
  fill(): Promise<void>
  /** Gives it back. */
  free(): Promise<void>
  freeBytes(): Promise<number>
}

/** Makes a file system in a folder and mounts it. Needs root and loop devices. */
export async function openDiskImage(folder: string, sizeBytes: number): Promise<DiskImage> {
  const file = path.join(folder, 'disk.img')
  const copied = path.join(folder, 'copy.img')
  const mount = path.join(folder, 'disk')
  const ballast = path.join(mount, 'ballast')
  await mkdir(mount)
  await runProgram('truncate', ['--size', String(sizeBytes), file])
  await runProgram('mkfs.ext4', ['-q', '-F', '-m', '0', file])
  // What nobody syncs is to stay in memory for as long as a run takes.
  const mountIt = (): Promise<string> => runProgram('mount', ['-o', 'loop,commit=600', file, mount])
  await mountIt()
  const unmount = async (): Promise<void> => {
    let reason: unknown
    const done = await until(async () => {
      try {
        await runProgram('umount', [mount])
        return true
      } catch (error) {
        reason = error
        return undefined
      }
    }, unmountWithinMs)
    if (done === undefined) throw reason
  }
  return {
    folder: mount,
    sync: async () => void (await runProgram('sync', ['--file-system', mount])),
    copy: async () => void (await runProgram('cp', ['--sparse=always', file, copied])),
    revertToCopy: async () => {
      await unmount()
      await rename(copied, file)
      await mountIt()
    },
    fill: async () => {
      const { bavail, bsize } = await statfs(mount)
      await writeFile(ballast, '')
      await runProgram('fallocate', ['--length', String(bavail * bsize), ballast]).catch(async () => {
        // Somebody took some of it meanwhile.
        await runProgram('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k']).catch(() => undefined)
      })
    },
    free: async () => rm(ballast, { force: true }),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(mount)
      return bavail * bsize
    },
    [Symbol.asyncDispose]: unmount,
  }
}
