package streamlab.hadoop;

import org.apache.hadoop.fs.LocalFileSystem;

/** For {@code fs.file.impl}: Hadoop's local file system with checksums, over {@link NioRawLocalFileSystem}. */
public class NioLocalFileSystem extends LocalFileSystem {
  public NioLocalFileSystem() {
    super(new NioRawLocalFileSystem());
  }
}
