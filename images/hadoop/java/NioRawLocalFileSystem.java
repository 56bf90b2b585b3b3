package streamlab.hadoop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * Hadoop's raw local file system, without a process for each permission and each look at a link.
 *
 * <p>Hadoop does both by its native library, or else by starting {@code chmod} and {@code readlink}. The library is in no
 * Maven artifact, and a NodeManager starts seventy such processes for an application of two containers, one after another,
 * while both of them wait: half a second. Java can do the same itself.
 */
class NioRawLocalFileSystem extends RawLocalFileSystem {
  /** Sets the permission of a file or folder; a sticky bit, of which Java knows nothing, is left to {@code chmod}. */
  @Override
  public void setPermission(Path path, FsPermission permission) throws IOException {
    if (permission.getStickyBit()) {
      super.setPermission(path, permission);
    } else {
      Files.setPosixFilePermissions(
          pathToFile(path).toPath(), PosixFilePermissions.fromString(permission.toString()));
    }
  }

  /** The status of what stands at {@code path}, a link or not. */
  @Override
  public FileStatus getFileLinkStatus(Path path) throws IOException {
    return Files.isSymbolicLink(pathToFile(path).toPath()) ? super.getFileLinkStatus(path) : getFileStatus(path);
  }
}
